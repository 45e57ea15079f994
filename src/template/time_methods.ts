/**
 * The methods of a time that templates use, such as `{{now.UTC.Format "20060102"}}`.
 * @module
 */
import { fixed, type Functions, int } from "./functions.ts";
import { GoTime } from "./go_time.ts";
import { GoInt } from "./value.ts";

/** The methods of a time by their names. */
export function timeMethods(time: GoTime): Functions {
  const part = (layout: string) => fixed([], () => int(Number(time.format(layout))));
  return new Map([
    ["Format", fixed(["string"], (layout) => time.format(layout))],
    ["String", fixed([], () => time.toString())],
    ["Unix", fixed([], () => new GoInt(Math.floor(time.milliseconds / 1000), "int64"))],
    ["UTC", fixed([], () => new GoTime(time.milliseconds, "UTC"))],
    ["Local", fixed([], () => new GoTime(time.milliseconds, "Local"))],
    ["Year", part("2006")],
    ["Day", part("2")],
    ["YearDay", part("002")],
    ["Hour", part("15")],
    ["Minute", part("4")],
    ["Second", part("5")],
  ]);
}
