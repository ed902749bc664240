// sharp's defaults: TARGET FILE...; writes NAME.jpg, .webp and .avif and prints CPU milliseconds as JSON.
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.join(process.cwd(), "any.js"));
const sharp = require("sharp");

const [target, ...files] = process.argv.slice(2);
sharp.concurrency(1);
sharp.cache(false);
const spent = {};
for (const file of files) {
  const { data, info } = await sharp(file).removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const raw = { width: info.width, height: info.height, channels: info.channels };
  for (const [suffix, format] of [["jpg", "jpeg"], ["webp", "webp"], ["avif", "avif"]]) {
    const begin = process.cpuUsage();
    const output = path.join(target, `${path.parse(file).name}.${suffix}`);
    await sharp(data, { raw }).toFormat(format).toFile(output);
    const { user, system } = process.cpuUsage(begin);
    spent[format] = (spent[format] ?? 0) + (user + system) / 1000;
  }
}
console.log(JSON.stringify(spent));
