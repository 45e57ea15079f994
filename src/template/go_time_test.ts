/**
 * Compares times with what Go's own time package writes, in all zones there are.
 * @module
 */
import assert from "node:assert/strict";
import { askGo, type TimeCase } from "../../test/support/template_oracle.ts";
import { formatGoTime, GoTime, parseDuration } from "./go_time.ts";

const LAYOUTS = [
  "2006-01-02_15-04-05.999_MST",
  "20060102-150405",
  "2006-01-02T15:04:05Z07:00",
  "2006-01-02T15:04:05.999999999-0700",
  "Mon, 02 Jan 2006 15:04:05 MST",
  "Monday January _2 3:04PM 06 __2 002",
  "Mon Jan 2 3:4:5pm 1 01",
  "15:04:05.000 15:04:05,000000 .00 .9 .99 ,999 5.0001 .0009",
  "Z07 Z0700 Z07:00 Z070000 Z07:00:00 -07 -0700 -07:00 -070000 -07:00:00 -0 Z0",
  "_2006 _2 __2006 200601021504 2 22 222 012345 0123456789 12345",
  "January Januar Janet Jan1 Mondays Monk Mon. MSTX MS PMS pmx Z -",
  "no reference at all: \u00e9 \u{1f600} y/m/d",
  "",
  "  ",
  "$& $1 \\1",
];
const TIMES = [
  0,
  -1,
  1_700_000_000_123,
  1_704_067_199_999,
  1_709_164_800_000,
  1_735_689_600_500,
  1_751_328_000_010,
  951_782_400_000,
  253_402_300_799_000,
  -62_135_596_800_000,
  1_767_225_600_000,
  1_782_864_000_000,
];
const ZONES = ["UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin", "Pacific/Chatham", ""];

/** Both halves of a year, for the names of summer and winter. */
const SEASONS = [Date.UTC(2026, 0, 15, 12), Date.UTC(2026, 6, 15, 12)];

async function compare(times: readonly TimeCase[]): Promise<void> {
  const results = (await askGo({ times })).times;
  assert.equal(results.length, times.length);
  const differences: string[] = [];
  for (const [i, { milliseconds, layout, zone }] of times.entries()) {
    assert.equal(results[i]?.error, "", `${zone}: ${results[i]?.error}`);
    const ours = formatGoTime(new Date(milliseconds), layout, zone);
    const theirs = results[i]?.output;
    if (ours === theirs) continue;
    differences.push(
      `${milliseconds} ${zone} ${JSON.stringify(layout)}: go ${theirs}, ours ${ours}`,
    );
  }
  assert.deepEqual(differences, []);
}

Deno.test("time: layouts write what Go writes", async () => {
  const cases = LAYOUTS.flatMap((layout) =>
    TIMES.flatMap((milliseconds) =>
      // Long ago, distances were those of the sun; far ahead, the runtime has no names.
      ZONES.filter((zone) => zone === "UTC" || (milliseconds > 0 && milliseconds < 4e12))
        .map((zone) => ({ milliseconds, layout, zone }))
    )
  );
  await compare(cases);
});

Deno.test("time: zones have the names and distances that Go knows", async () => {
  const names = ["PRC", "ROC", "ROK", "Japan", "Eire", "Israel", "GMT", "CET", "EST5EDT", "W-SU"];
  const zones = [...new Set([...Intl.supportedValuesOf("timeZone"), ...names])];
  assert.ok(zones.length > 400, `${zones.length} zones`);
  await compare(
    zones.flatMap((zone) =>
      SEASONS.map((milliseconds) => ({ milliseconds, layout: "MST -0700", zone }))
    ),
  );
});

Deno.test("time: Local is the machine's zone, and a zone that is none is refused", () => {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const now = new Date();
  const layout = "2006-01-02 15:04:05 -0700";
  assert.equal(formatGoTime(now, layout, "Local"), formatGoTime(now, layout, timeZone));
  for (const zone of ["No/Where", "+01:00", "local", "../UTC", "Europe/Berlin\n"]) {
    assert.throws(() => formatGoTime(now, layout, zone), /there is no time zone/, zone);
  }
  assert.equal(String(new GoTime(1_700_000_000_120, "UTC")), "2023-11-14 22:13:20.12 +0000 UTC");
});

Deno.test("time: lengths of time are read as Go reads them", () => {
  const hour = 3_600_000;
  assert.equal(parseDuration("1h30m"), 1.5 * hour);
  assert.equal(parseDuration("-1.5h"), -1.5 * hour);
  assert.equal(parseDuration("+.5s"), 500);
  assert.equal(parseDuration("2ms3us"), 2.003);
  assert.equal(parseDuration("0"), 0);
  for (const text of ["", "1", "h", "1x", "1h ", "--1h", "."]) {
    assert.equal(parseDuration(text), undefined, text);
  }
});
