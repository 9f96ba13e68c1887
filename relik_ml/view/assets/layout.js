// Places boxes: springs within each connected part (Fruchterman and Reingold 1991), then room for every box, then rows of parts.
const GOLDEN = Math.PI * (3 - Math.sqrt(5));

// boxes: [{ wide, high }], edges: pairs of indices; returns the centres. `shape` is the wanted width by height.
function layout(boxes, edges, shape, length) {
  const parts = components(boxes.length, edges).map((members) => {
    const order = new Map(members.map((box, index) => [box, index]));
    const inside = edges.filter(([from, to]) => from !== to && order.has(from)).map((ends) => ends.map((end) => order.get(end)));
    return placed(members, members.map((box) => boxes[box]), inside, shape, length);
  });
  const centres = Array(boxes.length);
  for (const part of packed(parts, shape)) part.members.forEach((box, index) => { centres[box] = { x: part.x[index] + part.left, y: part.y[index] + part.top }; });
  return centres;
}

function components(count, edges) {
  const root = Array.from({ length: count }, (_, index) => index);
  const find = (box) => { while (root[box] !== box) box = root[box] = root[root[box]]; return box; };
  for (const [from, to] of edges) root[find(from)] = find(to);
  const parts = new Map();
  root.forEach((_, box) => { const top = find(box); parts.set(top, [...(parts.get(top) ?? []), box]); });
  return Array.from(parts.values());
}

function placed(members, boxes, edges, shape, length) {
  const part = { members, x: new Float64Array(members.length), y: new Float64Array(members.length), boxes };
  members.forEach((_, index) => { // a spiral, so that nothing depends on chance
    part.x[index] = Math.sqrt(index) * Math.cos(index * GOLDEN);
    part.y[index] = Math.sqrt(index) * Math.sin(index * GOLDEN);
  });
  spring(part, edges);
  turn(part, shape);
  const lengths = edges.map(([from, to]) => Math.hypot(part.x[from] - part.x[to], part.y[from] - part.y[to])).sort((a, b) => a - b);
  const scale = length / (lengths[lengths.length >> 1] || 1);
  members.forEach((_, index) => { part.x[index] *= scale; part.y[index] *= scale; });
  apart(part);
  return part;
}

function spring({ x, y }, edges) {
  const count = x.length;
  const rounds = count < 120 ? 300 : count < 600 ? 120 : 60;
  for (let round = 0; round < rounds; round += 1) {
    const [toX, toY] = [new Float64Array(count), new Float64Array(count)];
    for (let one = 0; one < count; one += 1) {
      for (let other = one + 1; other < count; other += 1) {
        const [dx, dy] = [x[one] - x[other], y[one] - y[other]];
        const push = 1 / (dx * dx + dy * dy + 0.01);
        toX[one] += dx * push; toY[one] += dy * push;
        toX[other] -= dx * push; toY[other] -= dy * push;
      }
    }
    for (const [from, to] of edges) {
      const [dx, dy] = [x[from] - x[to], y[from] - y[to]];
      const pull = Math.hypot(dx, dy);
      toX[from] -= dx * pull; toY[from] -= dy * pull;
      toX[to] += dx * pull; toY[to] += dy * pull;
    }
    const most = Math.sqrt(count) * 0.2 * (1 - round / rounds) + 0.01;
    for (let one = 0; one < count; one += 1) {
      toX[one] -= x[one] * 0.15; toY[one] -= y[one] * 0.15;
      const step = Math.min(1, most / (Math.hypot(toX[one], toY[one]) || 1)) * 0.5;
      x[one] += toX[one] * step; y[one] += toY[one] * step;
    }
  }
}

// Lays the longest direction along the longer side.
function turn({ x, y }, shape) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleX, middleY] = [mean(x), mean(y)];
  let [xx, xy, yy] = [0, 0, 0];
  x.forEach((_, index) => { const [a, b] = [x[index] - middleX, y[index] - middleY]; xx += a * a; xy += a * b; yy += b * b; });
  const angle = Math.atan2(2 * xy, xx - yy) / 2 + (shape < 1 ? Math.PI / 2 : 0);
  const [cos, sin] = [Math.cos(-angle), Math.sin(-angle)];
  x.forEach((_, index) => { const [a, b] = [x[index] - middleX, y[index] - middleY]; x[index] = a * cos - b * sin; y[index] = a * sin + b * cos; });
}

// Pushes boxes apart, each pair along the axis on which less is missing. What is sorted by x meets only its neighbours.
function apart({ x, y, boxes }) {
  const order = boxes.map((_, index) => index);
  const widest = Math.max(...boxes.map((box) => box.wide));
  for (let round = 1; round < 200; round += 1) {
    let moved = false;
    order.sort((one, other) => x[one] - x[other]);
    for (let at = 0; at < order.length; at += 1) {
      const one = order[at];
      for (let next = at + 1; next < order.length && x[order[next]] - x[one] < widest; next += 1) {
        const other = order[next];
        const missX = (boxes[one].wide + boxes[other].wide) / 2 - Math.abs(x[one] - x[other]);
        const missY = (boxes[one].high + boxes[other].high) / 2 - Math.abs(y[one] - y[other]);
        if (missX <= 0.5 || missY <= 0.5) continue;
        moved = true;
        const [axis, missing] = missX < missY ? [x, missX] : [y, missY];
        const side = axis[one] < axis[other] || (axis[one] === axis[other] && one < other) ? -1 : 1;
        axis[one] += side * missing * 0.35; axis[other] -= side * missing * 0.35;
      }
    }
    if (!moved) return;
    if (round % 20 === 0) order.forEach((box) => { x[box] *= 1.06; y[box] *= 1.06; }); // boxes in a crowd push each other in circles
  }
}

// Rows of parts, the highest first, as wide together as the wanted shape.
function packed(parts, shape, gap = 24) {
  for (const part of parts) {
    const edge = (values, size, side) => Array.from(values, (value, index) => value + (side * part.boxes[index][size]) / 2);
    part.left = -Math.min(...edge(part.x, "wide", -1));
    part.top = -Math.min(...edge(part.y, "high", -1));
    part.wide = Math.max(...edge(part.x, "wide", 1)) + part.left + gap;
    part.high = Math.max(...edge(part.y, "high", 1)) + part.top + gap;
  }
  const area = parts.reduce((sum, part) => sum + part.wide * part.high, 0);
  const room = Math.max(Math.sqrt(area * shape) * 1.05, ...parts.map((part) => part.wide));
  let [x, y, row] = [0, 0, 0];
  for (const part of parts.sort((one, other) => other.high - one.high)) {
    if (x && x + part.wide > room) [x, y, row] = [0, y + row, 0];
    part.left += x; part.top += y;
    x += part.wide; row = Math.max(row, part.high);
  }
  return parts;
}
