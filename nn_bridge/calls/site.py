# SPDX-License-Identifier: Apache-2.0
"""`CallSite`: a layer that stands where a network called an activation, and asks who answers it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from ..errors import ConversionError
from .exact import answering_call, exact_value
from .functions import Call
from .handlers import Handler


class Switch:
    """Who answers the calls of all sites of one network: its own handler, or another for a while.

    Attributes
    ----------
    home : Handler
        Answers unless another is asked.
    handler : Handler
        Answers now.
    calls : dict of str to Call
        All call sites, in order of call.
    reason : str
        Empty: layers stand.
    kept : dict of str to str
        Modules that keep their code, and whose calls are intercepted: why.
    """

    def __init__(self, home: Handler) -> None:
        self.home = home
        self.handler = home
        self.calls: dict[str, Call] = {}
        self.reason = ""
        self.kept: dict[str, str] = {}

    def activation(
        self, site: str, call: Call, x: torch.Tensor, exact: Callable[[], torch.Tensor]
    ) -> torch.Tensor:
        """What the handler of now answers to a call that was intercepted."""
        with answering_call():
            return self.handler.activation(site, call, x, exact)

    def other(self, path: str, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """What a module that keeps its code calls else."""
        self.handler.other(path, function, args, kwargs)

    def ended(self, path: str, run: int, calls: Counter[str]) -> None:
        """What a module that keeps its code has called."""
        if self.handler is self.home and hasattr(self.home, "ended"):
            self.home.ended(path, run, calls)


class CallSite(nn.Module):
    """A layer in the place of one call of an activation or max-pool.

    Parameters
    ----------
    name : str
        Of the call site, see :mod:`nn_bridge.calls.intercept`.
    call : Call
        What the network called there.
    switch : Switch
        Shared by all sites of the network.
    """

    def __init__(self, name: str, call: Call, switch: Switch) -> None:
        super().__init__()
        self.name, self.switch = name, switch
        self.call = call

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse another slope, limit or window than the call was converted with."""
        call = vars(self).get("call")
        if call is not None and name in dict(call.options):
            raise ConversionError(
                f"{self.name!r} stands for {call.kind} with {name}={call.option(name)!r}: set it before convert "
                "(nn_bridge.restore gives the network as it was)"
            )
        super().__setattr__(name, value)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What the handler answers."""
        exact = partial(exact_value, self.call, x)
        if torch.compiler.is_compiling():
            return self.switch.handler.activation(self.name, self.call, x, exact)
        with answering_call():
            return self.switch.handler.activation(self.name, self.call, x, exact)

    def extra_repr(self) -> str:
        """What stands here, for print."""
        describe = getattr(self.switch.home, "describe", None)
        return f"{self.name!r}: {self.call.kind}" if describe is None else str(describe(self.name))

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        state = getattr(self.switch.home, "state_of", None)
        if state is not None:
            destination.update({prefix + key: value for key, value in state(self.name).items()})

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool,
        missing_keys: list[str], unexpected_keys: list[str], error_msgs: list[str],
    ) -> None:  # fmt: skip
        """Intervals and corrections come with the weights; a table of another plan is refused."""
        take = getattr(self.switch.home, "load_state_of", None)
        given = {k.removeprefix(prefix): v for k, v in state_dict.items() if k.startswith(prefix)}
        if take is None:
            unexpected_keys.extend(prefix + key for key in given)
        elif given:
            reason = take(self.name, given)
            if reason:
                error_msgs.append(reason)
        elif strict:
            missing_keys.append(prefix + "interval")
