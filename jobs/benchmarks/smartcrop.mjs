// smartcrop with sharp: TARGET ANALYSIS LONGEST QUALITY FILE...; without arguments, only the imports.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "any.js"));
const sharp = require("sharp");
const smartcrop = require("smartcrop");

const ratios = { "1x1": [1, 1], "16x9": [16, 9], "9x16": [9, 16], "4x5": [4, 5], "3x2": [3, 2] };

// What smartcrop asks of an imaging library; the picture is small already.
const operations = {
  open: async (picture) => picture,
  resample: async (picture) => picture,
  getData: async (picture) => new smartcrop.ImgData(picture.width, picture.height, picture.data),
};

function window([across, down], width, height) {
  const unit = Math.min(width / across, height / down);
  return [Math.max(1, Math.round(across * unit)), Math.max(1, Math.round(down * unit))];
}

async function work(file, target, analysis, longest, quality) {
  const { width, height } = await sharp(file).metadata();
  const { data, info } = await sharp(file)
    .resize(analysis, analysis, { fit: "inside" })
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const small = { width: info.width, height: info.height, data };
  const scale = width / info.width;
  for (const [name, ratio] of Object.entries(ratios)) {
    const [wide, high] = window(ratio, width, height);
    const [across, down] = window(ratio, info.width, info.height);
    const { topCrop } = await smartcrop.crop(small, {
      width: across,
      height: down,
      prescale: false,
      minScale: 1,
      imageOperations: operations,
    });
    const left = Math.min(Math.round(topCrop.x * scale), width - wide);
    const top = Math.min(Math.round(topCrop.y * scale), height - high);
    await sharp(file)
      .extract({ left, top, width: wide, height: high })
      .resize(longest, longest, { fit: "inside", withoutEnlargement: true })
      .jpeg({ quality })
      .toFile(path.join(target, name, path.basename(file)));
  }
}

sharp.concurrency(1);
const [target, analysis, longest, quality, ...files] = process.argv.slice(2);
for (const file of files) {
  await work(file, target, Number(analysis), Number(longest), Number(quality));
}
