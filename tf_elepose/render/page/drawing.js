// Draws the pose, the ground and the 2D input on their canvases.

let colors = {};

function context(canvas) {
  const ratio = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, width, height);
  pen.lineCap = "round";
  return [pen, width, height];
}

// A point in the frame of the drawing's camera (right, down, away): Rx(elevation) Ry(azimuth), as render/camera.py.
function seen([x, y, z], turn, up) {
  const c = Math.cos(turn * RADIAN), s = Math.sin(turn * RADIAN), d = Math.cos(up * RADIAN), t = Math.sin(up * RADIAN);
  const right = c * x + s * z, away = c * z - s * x, down = y + track.height / 2;
  return [right, d * down - t * away, t * down + d * away];
}

function perspective([right, down, away]) {
  const factor = track.distance / Math.max(track.distance + away, 0.05 * track.distance);
  return [right * factor, down * factor];
}

// px a unit and the place of the point looked at, with which pose and ground fit when seen from LOOK.elevation.
function fitted(width, height) {
  let reach = 0, top = 0, bottom = 0;
  for (let k = 0; k < 48; k++) {
    const x = Math.cos(k * Math.PI / 24), z = Math.sin(k * Math.PI / 24), rim = LOOK.camera * track.ground;
    for (const point of [[rim * x, 0, rim * z], [track.across * x, -track.height, track.across * z]]) {
      const [right, down] = perspective(seen(point, 0, LOOK.elevation));
      reach = Math.max(reach, Math.abs(right));
      top = Math.min(top, down);
      bottom = Math.max(bottom, down);
    }
  }
  // On a narrow screen the pose stays below the 2D input.
  const taken = element("inset").checked && width < 560 ? 0.8 * element("input").clientHeight : 0;
  const scale = Math.min((width - 32) / (2 * reach), (height - 76 - taken) / (bottom - top));
  return [scale * zoom, width / 2, (height + taken) / 2 - scale * zoom * (top + bottom) / 2];
}

function drawView() {
  const [pen, width, height] = context(view);
  const [scale, left, top] = fitted(width, height);
  const place = (point) => {
    const [right, down] = perspective(seen(point, azimuth, elevation));
    return [left + scale * right, top + scale * down];
  };
  drawGround(pen, place);
  if (!track.valid[row]) return;
  const pose = track.pose(row);
  drawPose(pen, pose.map(place), pose.map((point) => seen(point, azimuth, elevation)[2]), clamp(height / 80, 4.5, 7));
  if (element("labels").checked) drawLabels(pen, pose.map(place), width);
}

function path(pen, points, close) {
  pen.beginPath();
  points.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  if (close) pen.closePath();
}

function drawGround(pen, place) {
  const { ground, grid } = track, rim = [];
  for (let k = 0; k < 96; k++) rim.push(place([ground * Math.cos(k * Math.PI / 48), 0, ground * Math.sin(k * Math.PI / 48)]));
  path(pen, rim, true);
  pen.fillStyle = colors.soft;
  pen.fill();
  pen.lineWidth = 1.2;
  const count = Math.floor(ground / grid);
  for (let k = -count; k <= count; k++) {
    const at = k * grid, half = Math.sqrt(Math.max(ground * ground - at * at, 0));
    pen.strokeStyle = k ? colors.grid : colors.axis;
    path(pen, [place([at, 0, -half]), place([at, 0, half])]);
    pen.stroke();
    path(pen, [place([-half, 0, at]), place([half, 0, at])]);
    pen.stroke();
  }
  const mark = [[0, 0, -1.03], [-0.06, 0, -LOOK.camera], [0.06, 0, -LOOK.camera]].map((p) => place(p.map((v) => v * ground)));
  path(pen, mark, true);
  pen.fillStyle = colors.muted;
  pen.fill();
  const [x, y] = [(mark[1][0] + mark[2][0]) / 2, (mark[1][1] + mark[2][1]) / 2];
  const [cx, cy] = place([0, 0, 0]), far = Math.hypot(x - cx, y - cy) || 1;
  pen.font = "13px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText("camera", x + LOOK.camera_word[0] * (x - cx) / far, y + LOOK.camera_word[1] * (y - cy) / far);
}

function mixed(base, color, part) {
  const value = (text, k) => parseInt(text.slice(1 + 2 * k, 3 + 2 * k), 16);
  return `rgb(${[0, 1, 2].map((k) => Math.round((1 - part) * value(base, k) + part * value(color, k))).join(",")})`;
}

// Draws from far to near; a joint covers its own bones. points has null for a joint that was not seen.
function drawPose(pen, points, depths, width) {
  const near = points.map((_, j) => (depths ? clamp(0.5 - 0.5 * depths[j] / track.across, 0, 1) : 0.5));
  const front = near.slice(), shapes = [];
  for (const [child, parent] of DATA.bones) {
    if (!points[child] || !points[parent]) continue;
    const mean = (near[child] + near[parent]) / 2;
    front[child] = Math.max(front[child], mean);
    front[parent] = Math.max(front[parent], mean);
    shapes.push([mean, mean, child, parent]);
  }
  points.forEach((point, j) => point && shapes.push([front[j] + 1e-6, near[j], j, null]));
  for (const [, close, child, parent] of shapes.sort((a, b) => a[0] - b[0])) {
    const side = DATA.sides[child], thick = depths ? width * (LOOK.far_width + (LOOK.near_width - LOOK.far_width) * close) : width;
    const color = mixed(colors.base, colors[side], depths ? 1 - LOOK.faded * (1 - close) : 1);
    if (parent !== null) {
      drawBone(pen, points[parent], points[child], color, thick, side === DATA.dashed);
    } else {
      const isHead = child === DATA.head;
      pen.beginPath();
      pen.arc(...points[child], thick * (isHead ? LOOK.head : LOOK.joint), 0, 2 * Math.PI);
      pen.fillStyle = isHead ? color : colors.base;
      pen.fill();
      pen.strokeStyle = color;
      pen.lineWidth = 1.3;
      pen.stroke();
    }
  }
}

// A dashed bone begins and ends with a dash.
function drawBone(pen, start, end, color, width, dashed) {
  const length = Math.hypot(end[0] - start[0], end[1] - start[1]);
  const pieces = dashed ? Math.max(1, Math.round((length / width + LOOK.gap) / (LOOK.dash + LOOK.gap))) : 1;
  const unit = length / (pieces * (LOOK.dash + LOOK.gap) - LOOK.gap);
  pen.setLineDash(pieces > 1 ? [LOOK.dash * unit, LOOK.gap * unit] : []);
  pen.lineCap = pieces > 1 ? "butt" : "round";
  pen.strokeStyle = color;
  pen.lineWidth = width;
  path(pen, [start, end]);
  pen.stroke();
  pen.setLineDash([]);
  pen.lineCap = "round";
}

function drawLabels(pen, points, width) {
  pen.font = "13px system-ui, sans-serif";
  pen.textBaseline = "middle";
  pen.lineJoin = "round";
  const middle = points.reduce((sum, point) => sum + point[0], 0) / points.length;
  points.forEach(([x, y], joint) => {
    const text = DATA.joints[joint].replaceAll("_", " "), right = x >= middle && x + 90 < width;
    pen.textAlign = right ? "left" : "right";
    const at = x + (right ? 10 : -10);
    pen.strokeStyle = colors.base;
    pen.lineWidth = 4;
    pen.strokeText(text, at, y);
    pen.fillStyle = colors.ink;
    pen.fillText(text, at, y);
  });
}

function drawImage() {
  const [pen, width, height] = context(image), [x0, y0, x1, y1] = track.box;
  const scale = Math.min((width - 24) / Math.max(x1 - x0, 1e-6), (height - 44) / Math.max(y1 - y0, 1e-6));
  const points = track.image(row).map((point) => point && [
    width / 2 + scale * (point[0] - (x0 + x1) / 2), height / 2 + 10 + scale * (point[1] - (y0 + y1) / 2)]);
  drawPose(pen, points, null, clamp(width / 60, 2, 3.2));
}

function readColors() {
  const style = getComputedStyle(document.documentElement);
  const names = { base: "--ground", soft: "--soft", grid: "--grid", axis: "--axis", ink: "--ink", muted: "--muted",
    left: "--left", right: "--right", trunk: "--trunk" };
  for (const [name, variable] of Object.entries(names)) {
    const value = style.getPropertyValue(variable).trim();
    colors[name] = value.length === 4 ? `#${[...value.slice(1)].map((digit) => digit + digit).join("")}` : value;
  }
  show();
}
