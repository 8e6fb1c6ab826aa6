// A face, cut out of its photo in the browser; by the server only where the browser cannot show the photo.

import { made } from "./dom.js";

const SIDE = 160;

export async function drawCrop(canvas, photo, place) {
  const { image, result } = photo;
  const face = result.faces[place];
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (image.naturalWidth) {
    const scale = image.naturalWidth / result.width;
    const [x0, y0, x1, y1] = face.box.map((value) => value * scale);
    const side = Math.max(x1 - x0, y1 - y0) * 1.3;
    context.drawImage(image, (x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side, side, 0, 0, canvas.width, canvas.height);
  } else if (face.crop) {
    context.drawImage(await createImageBitmap(face.crop), 0, 0, canvas.width, canvas.height);
  }
}

export function cropOf(photo, place, label) {
  const canvas = made("canvas", { width: SIDE, height: SIDE, attributes: { role: "img", "aria-label": label } });
  const draw = () => drawCrop(canvas, photo, place);
  photo.image.decode().then(draw, draw);
  return canvas;
}
