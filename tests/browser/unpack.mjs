// Unpacks the Chromium of the npm package into TMPDIR, with the libraries it needs where a machine lacks them.
import chromium, { inflate } from "@sparticuz/chromium";
import { fileURLToPath } from "node:url";
import { dirname, join } from "node:path";

const bin = join(dirname(fileURLToPath(import.meta.resolve("@sparticuz/chromium"))), "..", "bin");
await chromium.executablePath(bin);
await inflate(join(bin, "al2023.tar.br"));
