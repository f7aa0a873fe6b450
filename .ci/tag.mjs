/**
 * Builds static/tag.min.js and its source map from the modules in static/tag: `node .ci/tag.mjs FOLDER [TO]`, where
 * FOLDER holds node_modules/terser, and TO is where both are put (static/).
 *
 * The script is a function of what differs from shop to shop, up to its opening parenthesis: the server adds the
 * arguments, which are the exports of settings.js in their order (server/tag.py). So one script, and one map, serve
 * every shop. The same modules give the same bytes; a test builds them anew.
 *
 * `node .ci/tag.mjs FOLDER --search SECONDS` looks for an order of short names that compresses better than FIRST
 * and REST below, and prints it.
 */
import {readFileSync, writeFileSync} from "node:fs";
import {createRequire} from "node:module";
import {join, resolve} from "node:path";
import {brotliCompressSync, constants} from "node:zlib";

const [folder, to = "static", seconds] = process.argv.slice(2);
const {minify} = createRequire(resolve(folder, "x.js"))("terser");

/** In which order names of one letter are given, and the letters that follow in longer ones; found by --search. */
const FIRST = "ftselhd$mwBpkngiUqaCuWoyxXNzRMDTFLYIJbcZjHPAvVOrGKQ_SE";
const REST = "eFidlBfrAqK7s9tLkmS4yH2NMax8u31YPDOn_GbzZQcTE$Jh5XIWVRUCgovp6jw0";

const IMPORT = /^import \{.+\} from "\.\/(.+)";$/;
const MODULES = "static/tag";

/** The modules that main.js needs, each after those that it needs itself. */
function inOrder() {
  const order = new Map();
  const visit = (name) => {
    if (order.has(name)) return;
    const text = readFileSync(join(MODULES, name), "utf8");
    for (const line of text.split("\n")) if (IMPORT.test(line)) visit(IMPORT.exec(line)[1]);
    order.set(name, text);
  };
  visit("main.js");
  return order;
}

/**
 * A module as part of one script, line by line where it was: without `import` and `export`, functions as arrows
 * and constants as variables, which is shorter and means the same here.
 */
function joined(text) {
  return text
    .replace(/^import .*$/gm, "")
    .replace(/^export /gm, "")
    .replace(/^(async )?function (\w+)\((.*)\) \{$([^]*?)^\}$/gm, "let $2 = $1($3) => {$4};")
    .replace(/^( *(?:for \()?)const\b/gm, "$1let");
}

/** The parts of the script by the name of their module, with numbers in place of the constants that name them. */
function parts(order) {
  const numbers = {};
  const found = {};
  for (const [name, text] of order) {
    found[name] = joined(text).replace(/^let ([A-Z][A-Z_]+) = (\d[\de]*);$/gm, (_, constant, number) => {
      numbers[constant] = number;
      return "";
    });
  }
  const known = new RegExp(`\\b(?:${Object.keys(numbers).join("|")})\\b`, "g");
  for (const name in found) found[name] = found[name].replace(known, (constant) => numbers[constant]);
  return found;
}

/** What gives out short names in this order. */
function naming(first, rest) {
  const get = (index) => {
    let name = first[index % first.length];
    for (let more = Math.floor(index / first.length); more > 0; more = Math.floor(more / rest.length)) {
      name += rest[--more % rest.length];
    }
    return name;
  };
  return {get, reset() {}, sort() {}, consider: () => 1};
}

/** The script and its map, built with names in this order. */
async function build(order, settings, code, first, rest) {
  const {code: script, map} = await minify(code, {
    compress: {passes: 4, keep_fargs: false, toplevel: true, module: true, unsafe_arrows: true},
    mangle: {toplevel: true, nth_identifier: naming(first, rest)},
    ecma: 2020,
    enclose: `${settings}:${settings}`,
    sourceMap: {asObject: true},
  });
  const end = script.lastIndexOf(`(${settings})`);
  if (!script.startsWith("((") || end < 0) throw Error(`no function of the settings: ${script.slice(0, 40)}`);
  // What encloses it, with the settings as its parameters, is of no file.
  const names = map.sources.map((name) => (order.has(name) ? name : "settings.js"));
  const sources = names.map((name) => `source/${name}`);
  const sourcesContent = names.map((name) => order.get(name));
  return [script.slice(0, end + 1), JSON.stringify({...map, sources, sourcesContent}) + "\n"];
}

/** How many bytes it has as served to a shop of usual length. */
function size(script) {
  const shop = `"https://gp.myshop.example/gp/demo/e",!0,()=>location.pathname,["dataLayer"],"item_id",window,`;
  const whole = Buffer.from(`${script}${shop}"[data-gp-event]","script[type*='ld+json']")`);
  const params = {
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_SIZE_HINT]: whole.length,
  };
  return brotliCompressSync(whole, {params}).length;
}

/** Exchange letters at random as long as that does no harm; print the best order. */
async function search(given, until) {
  let best = [[...FIRST], [...REST]];
  let least = Infinity;
  let seed = 7;
  const below = (count) => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor((seed / 2147483648) * count);
  };
  while (Date.now() < until) {
    const tried = best.map((letters) => [...letters]);
    for (let swaps = least < Infinity ? 1 + below(2) : 0; swaps; swaps--) {
      const letters = tried[+!below(5)];
      const [one, other] = [below(below(5) ? 25 : letters.length), below(letters.length)];
      [letters[one], letters[other]] = [letters[other], letters[one]];
    }
    const bytes = size((await build(...given, ...tried))[0]);
    if (bytes > least) continue;
    if (bytes < least) console.log(bytes, tried[0].join(""), tried[1].join(""));
    [best, least] = [tried, bytes];
  }
}

const order = inOrder();
const settings = [...order.get("settings.js").matchAll(/^export const (\w+)/gm)].map(([, name]) => name);
const {"settings.js": _, ...code} = parts(order);
const given = [order, settings, code];
if (to == "--search") await search(given, Date.now() + seconds * 1000);
else {
  const [script, map] = await build(...given, FIRST, REST);
  writeFileSync(join(to, "tag.min.js"), script);
  writeFileSync(join(to, "tag.min.js.map"), map);
  console.log(`static/tag.min.js: ${size(script)} bytes with brotli, as an ordinary shop serves it`);
}
