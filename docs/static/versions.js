// A choice among the versions that ../versions.js lists; it leads to the same page, or to the first where there is none.
(() => {
  const place = document.querySelector(".versions");
  if (!place || typeof VERSIONS === "undefined" || VERSIONS.length < 2) return;
  const { version, root, page } = place.dataset;
  const choice = document.createElement("select");
  choice.setAttribute("aria-label", "version");
  for (const one of VERSIONS) choice.add(new Option(one.name, one.name, false, one.name === version));
  choice.onchange = () => {
    const chosen = VERSIONS.find((one) => one.name === choice.value);
    location.href = `${root}../${chosen.name}/${chosen.pages.includes(page) ? page : "index.html"}`;
  };
  place.append("version ", choice);
})();
