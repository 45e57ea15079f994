/**
 * The forms in which results are printed: the objects of `--json` as lines of JSON, as YAML, or by a
 * template of Go's.
 * @module
 */
import { KodenoError } from "../errors.ts";
import { stringify } from "../npm/yaml.ts";
import { sprigFunctions } from "../template/sprig.ts";
import { compileTemplate } from "../template/template.ts";

/** Writes one result after the other; none has a line end behind it. */
type ResultFormat = (result: unknown) => string;

/**
 * Reads what `--format` says: `json`, `yaml`, or a template with sprig's functions, of which `json` is
 * Docker's name for `toJson`. A field that a result does not have is `<no value>`, as in Go.
 *
 * @throws {KodenoError} `BAD_OPTION` for what is none of these, `BAD_CONFIG` for a template that cannot be
 * parsed; so does the format for one that cannot print a result, of which nothing is printed then
 */
export function resultFormat(text: string): ResultFormat {
  if (text === "json") return (result) => JSON.stringify(result);
  if (text === "yaml") {
    let count = 0;
    return (result) => {
      // What is left out is no key; the values are those of JSON.
      const plain = JSON.parse(JSON.stringify(result));
      return (count++ > 0 ? "---\n" : "") + stringify(plain, { lineWidth: 0 }).trimEnd();
    };
  }
  if (!text.includes("{{")) {
    const next = "say json, yaml, or a Go template such as '{{.digest}}'";
    throw new KodenoError("BAD_OPTION", `Cannot use --format ${JSON.stringify(text)}: ${next}`);
  }
  const json = sprigFunctions.get("toJson");
  const functions = new Map([...sprigFunctions, ...(json ? [["json", json] as const] : [])]);
  const template = compileTemplate(text, "--format", { functions, missingKey: "nothing" });
  return (result) => template.run(JSON.parse(JSON.stringify(result)));
}
