/**
 * Time zones: how far one is from UTC at a time, and what it is called then.
 *
 * The runtime knows the distances; of the names it has, only those are taken that the IANA's files
 * have as well, since Go reads them there. The others are in a table here.
 * @module
 */

/** A zone at a time. */
export interface ZoneAt {
  /** Seconds east of UTC. */
  readonly offset: number;
  /** Such as `CET`, or the distance where the zone has no name. */
  readonly name: string;
}

/** Languages whose regions use the short names of the IANA's files. */
const LOCALES = ["en-US", "en-GB", "en-AU", "en-NZ", "en-IN", "en-ZA", "id"];

/** Short names that are taken as the runtime gives them. */
const NAMES = new Set(
  ("ACDT ACST ADT AEDT AEST AKDT AKST AST AWST BST CAT CDT CEST CET CST EAT EDT EEST EET EST GMT " +
    "HST IST MDT MST NDT NST NZDT NZST PDT PST SAST UTC WAT WEST WET WIB WIT WITA").split(" "),
);

/** Names of zones in standard and in summer time, where the runtime has other ones or none. */
const EXCEPTIONS: readonly (readonly [names: string, zones: string])[] = [
  // No letters, only the distance.
  ["", "Antarctica/Casey Antarctica/Troll Asia/Colombo Atlantic/Azores"],
  [
    "CST",
    "Asia/Chongqing Asia/Chungking Asia/Harbin Asia/Macao Asia/Macau Asia/Shanghai Asia/Taipei PRC " +
    "ROC",
  ],
  ["CST/CDT", "America/Havana Cuba"],
  ["ChST", "Pacific/Guam Pacific/Saipan"],
  ["EET/EEST", "Asia/Famagusta"],
  ["GMT", "Etc/GMT GMT GMT+0 GMT-0 GMT0"],
  ["GMT/BST", "Europe/Guernsey Europe/Isle_of_Man Europe/Jersey"],
  ["GMT/IST", "Eire Europe/Dublin"],
  ["HKT", "Asia/Hong_Kong Hongkong"],
  ["HST/HDT", "America/Adak America/Atka US/Aleutian"],
  ["IST/IDT", "Asia/Jerusalem Asia/Tel_Aviv Israel"],
  ["JST", "Asia/Tokyo Japan"],
  ["KST", "Asia/Pyongyang Asia/Seoul ROK"],
  [
    "MST",
    "America/Dawson America/Hermosillo America/Mazatlan America/Whitehorse Canada/Yukon Mexico/BajaSur",
  ],
  ["MSK", "Europe/Kirov Europe/Moscow Europe/Simferopol Europe/Volgograd W-SU"],
  ["PKT", "Asia/Karachi"],
  ["PST", "Asia/Manila"],
  ["SST", "Pacific/Midway Pacific/Pago_Pago Pacific/Samoa US/Samoa"],
  [
    "WET/WEST",
    "Atlantic/Canary Atlantic/Faeroe Atlantic/Faroe Atlantic/Madeira Europe/Lisbon Portugal WET",
  ],
];

const byZone = new Map(
  EXCEPTIONS.flatMap(([names, zones]) => zones.split(" ").map((zone) => [zone, names] as const)),
);

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    calendar: "gregory",
    hourCycle: "h23",
    era: "short",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  formats.set(zone, format);
  return format;
}

function offsetAt(zone: string, time: Date): number {
  const parts = new Map(formatOf(zone).formatToParts(time).map(({ type, value }) => [type, value]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.get(type));
  const year = parts.get("era") === "BC" ? 1 - part("year") : part("year");
  const local = new Date(0);
  local.setUTCFullYear(year, part("month") - 1, part("day"));
  local.setUTCHours(part("hour"), part("minute"), part("second"));
  return Math.round(local.getTime() / 1000) - Math.floor(time.getTime() / 1000);
}

/**
 * Finds what a zone is at a time.
 *
 * @param zone a name of the IANA's such as `Europe/Berlin`, `UTC`, or `Local` for the machine's
 * @throws {Error} for a zone that does not exist
 */
export function zoneAt(zone: string, time: Date): ZoneAt {
  const named = zone === "Local" ? Intl.DateTimeFormat().resolvedOptions().timeZone : zone || "UTC";
  if (named === "UTC") return { offset: 0, name: "UTC" };
  if (!isZone(named)) throw new Error(`there is no time zone ${JSON.stringify(zone)}`);
  const offset = offsetAt(named, time);
  return { offset, name: nameAt(named, time, offset) };
}

/** Whether there is a zone of a name; letters are as the IANA writes them. */
export function isZone(name: string): boolean {
  // Distances are no names, though the runtime takes them.
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return formatOf(name) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function nameAt(zone: string, time: Date, offset: number): string {
  const exception = byZone.get(zone);
  if (exception !== undefined) {
    if (exception === "") return distance(offset);
    const [standard = "", summer = standard] = exception.split("/");
    return isSummer(zone, time, offset) ? summer : standard;
  }
  for (const locale of LOCALES) {
    const format = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "short" });
    const name = format.formatToParts(time).find(({ type }) => type === "timeZoneName")?.value;
    if (name !== undefined && NAMES.has(name)) return name;
  }
  return distance(offset);
}

/** Whether clocks are ahead of what they are in the other half of the year. */
function isSummer(zone: string, time: Date, offset: number): boolean {
  const year = time.getUTCFullYear();
  return [0, 6].some((month) => offsetAt(zone, new Date(Date.UTC(year, month, 1))) < offset);
}

/** `+0530`, and without minutes where there are none. */
function distance(offset: number): string {
  const minutes = Math.abs(offset) / 60;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const rest = minutes % 60 === 0 ? "" : two(minutes % 60);
  return (offset < 0 ? "-" : "+") + two(minutes / 60) + rest;
}
