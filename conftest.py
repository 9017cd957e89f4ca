"""What all tests share: the same examples of properties on every run, modules imported as Python does."""

from contextlib import suppress
from importlib import import_module
from pathlib import Path

from hypothesis import settings

settings.register_profile("same-every-time", derandomize=True, deadline=None)
settings.load_profile("same-every-time")

ROOT = Path(__file__).parent


def pytest_collect_file(file_path: Path) -> None:
    """Import a module with its doctests in the ordinary way, before pytest would run it a second time."""
    if ROOT not in file_path.parents or file_path.suffix != ".py":
        return
    parts = file_path.relative_to(ROOT).with_suffix("").parts
    if parts[0] in ("polyapprox", "nn_bridge") and parts[-1] not in ("__init__", "__main__"):
        with suppress(ImportError):
            import_module(".".join(parts))
