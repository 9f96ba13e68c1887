// A drawing that can be moved and scaled: with the wheel, by dragging, with two fingers, with buttons and keys.
const NEAREST = 4;
const READABLE = 0.72;

function makeCanvas(element, buttons) {
  const layer = svg("g", {});
  const canvas = { element, layer, x: 0, y: 0, scale: 1, touched: false, dragged: false, bounds: null, middle: { x: 0, y: 0 }, drag: null };
  const pointers = new Map();
  canvas.apply = () => {
    layer.setAttribute("transform", `translate(${canvas.x} ${canvas.y}) scale(${canvas.scale})`);
    element.classList.toggle("near", canvas.scale >= 0.6);
  };
  canvas.zoom = (factor, x = element.clientWidth / 2, y = element.clientHeight / 2) => {
    const scale = Math.min(NEAREST, Math.max(canvas.least ?? 0.05, canvas.scale * factor));
    canvas.x = x - (x - canvas.x) * (scale / canvas.scale);
    canvas.y = y - (y - canvas.y) * (scale / canvas.scale);
    canvas.scale = scale;
    canvas.apply();
  };
  const placed = (room, size, first, middle) => {
    if (room >= 40) return room / 2 - first * canvas.scale;
    const edge = 20 - first * canvas.scale;
    return Math.max(edge + room - 40, Math.min(edge, size / 2 - middle * canvas.scale));
  };
  canvas.fit = (all = false) => {
    const { bounds } = canvas;
    const [wide, high] = [element.clientWidth, element.clientHeight];
    if (!bounds || !wide || !high) return;
    // As large as fits, but never so small that it cannot be read: then as much of it as there is room for, around its middle.
    const whole = Math.min((wide - 40) / bounds.width, (high - 40) / bounds.height);
    canvas.least = Math.min(0.2, whole / 2);
    canvas.scale = Math.min(1.15, all ? whole : Math.max(whole, READABLE));
    const room = [wide - bounds.width * canvas.scale, high - bounds.height * canvas.scale];
    canvas.x = placed(room[0], wide, bounds.x, canvas.middle.x);
    canvas.y = placed(room[1], high, bounds.y, canvas.middle.y);
    canvas.apply();
  };
  // Brings a point of the drawing into sight if it is outside.
  canvas.reveal = (x, y) => {
    if (!element.clientWidth) return;
    canvas.touched = true;
    if (canvas.scale < READABLE) canvas.zoom(READABLE / canvas.scale);
    const [left, top] = [x * canvas.scale + canvas.x, y * canvas.scale + canvas.y];
    if (left < 40 || left > element.clientWidth - 40) canvas.x += element.clientWidth / 2 - left;
    if (top < 30 || top > element.clientHeight - 30) canvas.y += element.clientHeight / 2 - top;
    canvas.apply();
  };
  const at = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    canvas.touched = true;
    const { x, y } = at(event);
    canvas.zoom(Math.exp(-Math.max(-60, Math.min(60, event.deltaY)) / 200), x, y);
  }, { passive: false });
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    pointers.set(event.pointerId, at(event));
    canvas.dragged = false;
    canvas.drag = pointers.size === 1 ? canvas.grab?.(event.target) ?? null : null;
  });
  element.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    if (!canvas.dragged && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
    if (!canvas.dragged) element.setPointerCapture(event.pointerId);
    canvas.dragged = canvas.touched = true;
    const other = Array.from(pointers).find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      const [was, is] = [before, now].map((point) => Math.hypot(point.x - other.x, point.y - other.y));
      canvas.zoom(is / Math.max(was, 1), (now.x + other.x) / 2, (now.y + other.y) / 2);
    } else if (canvas.drag) {
      canvas.drag((now.x - before.x) / canvas.scale, (now.y - before.y) / canvas.scale);
    } else {
      canvas.x += now.x - before.x;
      canvas.y += now.y - before.y;
      canvas.apply();
    }
    pointers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    element.addEventListener(end, (event) => { pointers.delete(event.pointerId); canvas.drag = null; });
  }
  element.addEventListener("keydown", (event) => {
    canvas.dragged = false; // what a key presses is no drag, whatever the pointer did last
    const step = { "+": () => canvas.zoom(1.25), "=": () => canvas.zoom(1.25), "-": () => canvas.zoom(0.8), 0: () => canvas.fit(true) }[event.key];
    if (step && !event.ctrlKey && !event.metaKey) { event.preventDefault(); step(); }
  });
  const actions = { zoomIn: ["+", () => canvas.zoom(1.25)], zoomOut: ["−", () => canvas.zoom(0.8)], fit: ["⤢", () => canvas.fit(true)] };
  for (const [name, [sign, action]] of Object.entries(actions)) {
    buttons.append(html("button", { type: "button", "data-title": name, onclick: action }, html("span", { "aria-hidden": "true" }, sign)));
  }
  element.append(svg("defs", {}, arrow(element.id, ""), arrow(element.id, "-lit")), layer);
  new ResizeObserver(() => { if (!canvas.touched) canvas.fit(); }).observe(element);
  return canvas;
}

function arrow(id, suffix) {
  return svg("marker", { id: `${id}-arrow${suffix}`, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7,
    orient: "auto-start-reverse", class: `arrow${suffix}` }, svg("path", { d: "M0 0.5 8 4 0 7.5z" }));
}
