// The page over the index of the zoo: what one needs, the entry that serves it, all that serve it.
(() => {
  const root = document.getElementById("zoo");
  if (!root) return;
  const base = root.dataset.base || "";
  const functions = [...new Set(ZOO.map((one) => one.function))];
  root.innerHTML = `
    <form>
      <label>function<select name="function">${functions.map((f) => `<option>${f}</option>`).join("")}</select></label>
      <label>interval<select name="interval"></select></label>
      <label><span>proven bits, at least: <output name="said"></output></span><input name="bits" type="range" min="4" max="16" step="0.5" value="9"></label>
      <label>least first<select name="order"><option value="multiplications">multiplications</option><option value="levels">levels</option></select></label>
      <label>search names<input name="text" type="search" placeholder="gelu, p9, levels"></label>
    </form>
    <div class="best" aria-live="polite"></div>
    <table><thead></thead><tbody></tbody></table>`;
  const form = root.querySelector("form");
  const place = (one) => `[${one.interval.join(", ")}]`;
  const cost = (one) => (one.multiplications === null ? 0 : one.multiplications);
  const power = (value) => value.toExponential(3);

  function outward(value) { // a bound is rounded up
    const shown = Number(value.toExponential(3));
    if (shown >= value) return power(shown);
    const step = 10 ** (Math.floor(Math.log10(value)) - 3);
    return power(shown + step);
  }
  const down = (bits) => (Math.floor(bits * 100) / 100).toFixed(2);

  function curve(one) { // least and largest error in each strip, in percent of the bound
    const n = one.low.length, x = (k) => 60 + (530 * k) / n, y = (percent) => 90 - 0.7 * percent;
    const strips = one.low.map((low, k) => low === null ? "" :
      `<rect x="${x(k)}" y="${y(one.high[k])}" width="${530 / n}" height="${Math.max(y(low) - y(one.high[k]), 1)}" fill="var(--blue)"/>`);
    const line = (percent, text) => `<line x1="60" x2="590" y1="${y(percent)}" y2="${y(percent)}" stroke="var(--red)" stroke-dasharray="5 4"/>
      <text x="56" y="${y(percent) + 5}" text-anchor="end" font-size="14" fill="var(--soft)">${text}</text>`;
    return `<svg viewBox="0 0 600 190" class="curve" role="img" aria-label="error between its proven bounds">
      ${strips.join("")}<line x1="60" x2="590" y1="90" y2="90" stroke="currentColor" stroke-width=".6"/>
      ${line(100, "+bound")}${line(-100, "−bound")}
      <text x="60" y="182" font-size="14" fill="var(--soft)">${one.interval[0]}</text>
      <text x="590" y="182" font-size="14" text-anchor="end" fill="var(--soft)">${one.interval[1]}</text>
      <text x="325" y="182" font-size="14" text-anchor="middle" fill="var(--soft)">sampled error, its proven bound</text></svg>`;
  }

  function front(all, chosen) { // bits against multiplications, of one function and interval
    const some = all.filter((one) => one.multiplications !== null);
    if (some.length < 2) return "";
    const most = Math.max(...some.map(cost)) + 1, high = Math.max(...some.map((one) => one.bits)) + 1;
    const x = (m) => 40 + (230 * m) / most, y = (bits) => 165 - (150 * bits) / high;
    const dots = some.map((one) => `<circle cx="${x(cost(one))}" cy="${y(one.bits)}" r="${one === chosen ? 6 : 4}"
      fill="${one === chosen ? "var(--red)" : "var(--blue)"}"><title>${one.name}</title></circle>`);
    return `<svg viewBox="0 0 290 195" role="img" aria-label="bits against multiplications">
      <polyline points="40,10 40,165 280,165" fill="none" stroke="var(--line)"/>${dots.join("")}
      <text x="160" y="185" font-size="14" text-anchor="middle" fill="var(--soft)">multiplications, up to ${most - 1}</text>
      <text x="12" y="90" font-size="14" text-anchor="middle" fill="var(--soft)" transform="rotate(-90 12 90)">proven bits, up to ${down(high - 1)}</text></svg>`;
  }

  function show(one, all) {
    const counted = (count, noun) => (count === 1 ? noun : `${noun}s`);
    const fact = (value, name) => `<div><b>${value}</b><span>${name}</span></div>`;
    const files = (one.files || []).map((file) => `<a href="${base}${one.name}/${file}" download>${file}</a>`);
    root.querySelector(".best").innerHTML = `<h2>${one.name}</h2>
      <div class="two"><div>${curve(one)}</div><div>${front(all, one)}</div></div>
      <div class="facts">
        ${fact(outward(one.error_bound), one.relative ? "relative error, at most (proven)" : "error, at most (proven)")}
        ${fact(down(one.bits), "bits (proven)")}
        ${fact(one.multiplications === null ? "in the bootstrap" : one.multiplications, counted(one.multiplications, "multiplication"))}
        ${fact(one.levels, counted(one.levels, "level") + (one.multiplications === null ? " beyond a plain bootstrap" : " (rule “published”)"))}
        ${fact(one.levels_standalone, counted(one.levels_standalone, "level") + " where it stands alone")}
        ${fact(one.structure, one.degrees.length ? `degree ${one.degrees.join(", ")}` : "one plan for a vector")}
      </div>
      <p>Python: <code>${one.call}</code></p>
      <p>Command: <code>polyapprox zoo show ${one.name} --output ${one.name}.json</code></p>
      <p>Digest of what is computed: <code>${one.digest.slice(0, 16)}</code></p>
      <p class="take">${files.join("")}</p>`;
  }

  function places() {
    const of = ZOO.filter((one) => one.function === form.function.value);
    const before = form.interval.value;
    const all = [...new Set(of.map(place))];
    form.interval.innerHTML = all.map((p) => `<option>${p}</option>`).join("");
    if (all.includes(before)) form.interval.value = before;
  }

  function renew(event) {
    if (event && event.target === form.function) places();
    form.said.value = form.bits.value;
    const text = form.text.value.trim().toLowerCase();
    const here = ZOO.filter((one) => text ? one.name.includes(text)
      : one.function === form.function.value && place(one) === form.interval.value);
    const order = form.order.value;
    const rank = (one) => (order === "levels" ? [one.levels, cost(one)] : [one.multiplications === null ? 99 : cost(one), one.levels]);
    const serving = here.filter((one) => one.bits >= form.bits.value);
    serving.sort((a, b) => rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1] || b.bits - a.bits);
    const rest = here.filter((one) => !serving.includes(one)).sort((a, b) => b.bits - a.bits);
    const rows = [...serving, ...rest];
    root.querySelector("thead").innerHTML = `<tr><th>entry</th><th>bits</th><th>mult.</th><th>levels</th><th class="wide">error, at most</th></tr>`;
    const body = root.querySelector("tbody");
    body.innerHTML = rows.map((one, k) => `<tr data-row="${k}"><td><button type="button">${one.name}</button></td><td>${down(one.bits)}</td>
      <td>${one.multiplications ?? "–"}</td><td>${one.levels}</td><td class="wide">${outward(one.error_bound)}</td></tr>`).join("");
    const choose = (k) => {
      body.querySelectorAll("tr").forEach((row, j) => row.setAttribute("aria-selected", j === k));
      show(rows[k], here.filter((one) => one.function === rows[k].function));
    };
    body.onclick = (click) => choose(Number(click.target.closest("tr").dataset.row));
    if (rows.length) choose(0);
    else root.querySelector(".best").textContent = "Nothing of that name.";
  }
  form.addEventListener("input", renew);
  form.addEventListener("submit", (event) => event.preventDefault());
  places();
  const wanted = new URLSearchParams(location.search).get("name") || "";
  form.text.value = wanted;
  renew();
})();
