// The pictures among what was chosen or dropped: of a folder everything below it, but no other files.

const ENDINGS = /\.(avif|bmp|gif|heic|heif|jpe?g|png|tiff?|webp|arw|cr2|cr3|dng|nef|orf|raf|rw2)$/i;

export const isPicture = (file) => !file.name.startsWith(".") && (file.type.startsWith("image/") || ENDINGS.test(file.name));

const fileOf = (entry) => new Promise((done, failed) => entry.file(done, failed));

// A folder tells its entries in parts, until it gives none.
async function below(entry) {
  if (entry.isFile) return [await fileOf(entry)];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const part = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!part.length) break;
    for (const each of part) found.push(...(await below(each)));
  }
  return found.filter(isPicture);
}

export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.every(Boolean)) return [...transfer.files];
  const files = [];
  for (const entry of entries) files.push(...(await below(entry)));
  return files;
}
