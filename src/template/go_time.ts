/**
 * Times, zones and lengths of time as Go reads and writes them.
 *
 * A layout is the reference time, `Mon Jan 2 15:04:05.000 MST 2006`, in the form that is wanted
 * (https://pkg.go.dev/time#Layout). Of zones the runtime knows the distances; of the names it has, only
 * those are taken that the IANA's files have as well, since Go reads them there. The others are in a
 * table here.
 * @module
 */

/** How `fmt` prints a time. */
const PRINTED = "2006-01-02 15:04:05.999999999 -0700 MST";

/** A time in a zone, as Go's time.Time. */
export class GoTime {
  /**
   * @param milliseconds since 1970
   * @param zone a name of the IANA's, `UTC` or `Local`
   */
  constructor(readonly milliseconds: number, readonly zone: string) {}

  /** Writes it by a layout. */
  format(layout: string): string {
    return formatGoTime(new Date(this.milliseconds), layout, this.zone);
  }

  /** As Go prints it. */
  toString(): string {
    return this.format(PRINTED);
  }
}

/** The pieces of a layout that stand for something, as Go finds them from left to right. */
const PIECES =
  /January|Jan(?![a-z])|Monday|Mon(?![a-z])|MST|002|0[1-6]|15|1|2006|2|__2|_2(?!006)|[345]|PM|pm|[-Z](?:070000|07:00:00|0700|07:00|07)|[.,](?:0+|9+)(?!\d)/g;

/**
 * Writes a time by a layout of Go's.
 *
 * @param timezone a name of the IANA's such as `Europe/Berlin`, `UTC`, or `Local` for the machine's
 * @throws {Error} for a zone that does not exist
 *
 * @example The tag that Skaffold's dateTime policy makes by default
 * ```ts
 * import { formatGoTime } from "./go_time.ts";
 * const text = formatGoTime(new Date("2024-01-02T03:04:05.670Z"), "2006-01-02_15-04-05.999_MST", "CET");
 * if (text !== "2024-01-02_04-04-05.67_CET") throw new Error(text);
 * ```
 */
export function formatGoTime(date: Date, layout: string, timezone: string): string {
  const zone = zoneAt(timezone, date);
  const local = new Date(date.getTime() + zone.offset * 1000);
  return layout.replaceAll(PIECES, (piece) => {
    const write = WRITERS[piece];
    if (write !== undefined) return write(local);
    if (piece === "MST") return zone.name;
    return /^[-Z]/.test(piece) ? distance(piece, zone.offset) : fraction(piece, local);
  });
}

const MONTHS = ("January February March April May June July August September October November " +
  "December").split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const two = (value: number): string => String(value).padStart(2, "0");
const monthOf = (local: Date): string => MONTHS[local.getUTCMonth()] ?? "";
const dayOf = (local: Date): string => DAYS[local.getUTCDay()] ?? "";
const hour12 = (local: Date): number => local.getUTCHours() % 12 || 12;

function yearOf(local: Date): string {
  const year = local.getUTCFullYear();
  return (year < 0 ? "-" : "") + String(Math.abs(year)).padStart(4, "0");
}

function dayOfYear(local: Date): number {
  const first = new Date(local);
  first.setUTCMonth(0, 1);
  return Math.round((local.getTime() - first.getTime()) / 86_400_000) + 1;
}

/** What pieces of a layout become, of a time whose UTC fields are those of the zone. */
const WRITERS: Readonly<Record<string, (local: Date) => string>> = {
  "2006": yearOf,
  "06": (local) => two(Math.max(local.getUTCFullYear(), 0) % 100),
  January: monthOf,
  Jan: (local) => monthOf(local).slice(0, 3),
  "01": (local) => two(local.getUTCMonth() + 1),
  "1": (local) => String(local.getUTCMonth() + 1),
  Monday: dayOf,
  Mon: (local) => dayOf(local).slice(0, 3),
  "02": (local) => two(local.getUTCDate()),
  "2": (local) => String(local.getUTCDate()),
  _2: (local) => String(local.getUTCDate()).padStart(2),
  "002": (local) => String(dayOfYear(local)).padStart(3, "0"),
  __2: (local) => String(dayOfYear(local)).padStart(3),
  "15": (local) => two(local.getUTCHours()),
  "03": (local) => two(hour12(local)),
  "3": (local) => String(hour12(local)),
  "04": (local) => two(local.getUTCMinutes()),
  "4": (local) => String(local.getUTCMinutes()),
  "05": (local) => two(local.getUTCSeconds()),
  "5": (local) => String(local.getUTCSeconds()),
  PM: (local) => local.getUTCHours() < 12 ? "AM" : "PM",
  pm: (local) => local.getUTCHours() < 12 ? "am" : "pm",
};

/** `-0700` and its relatives; with a Z, UTC is just that. */
function distance(piece: string, offset: number): string {
  if (piece.startsWith("Z") && offset === 0) return "Z";
  const size = Math.abs(offset);
  const all = [Math.floor(size / 3600), Math.floor(size / 60) % 60, size % 60].map(two);
  const count = piece.replaceAll(/\D/g, "").length / 2;
  return (offset < 0 ? "-" : "+") + all.slice(0, count).join(piece.includes(":") ? ":" : "");
}

/** `.000` writes as many digits as it has, `.999` no zeros at the end. */
function fraction(piece: string, local: Date): string {
  const count = piece.length - 1;
  const digits = String(local.getUTCMilliseconds()).padStart(3, "0").padEnd(count, "0");
  const kept = digits.slice(0, count);
  if (piece.includes("0")) return piece.charAt(0) + kept;
  const short = kept.replace(/0+$/, "");
  return short === "" ? "" : piece.charAt(0) + short;
}

/** A zone at a time. */
interface ZoneAt {
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

/**
 * Names of zones in standard and in summer time, where the runtime has other ones or none; "-" has no
 * letters, only the distance.
 */
const EXCEPTIONS = `
-: Antarctica/Casey Antarctica/Troll Asia/Colombo Atlantic/Azores
CST: Asia/Chongqing Asia/Chungking Asia/Harbin Asia/Macao Asia/Macau Asia/Shanghai Asia/Taipei PRC
CST: ROC
CST/CDT: America/Havana Cuba
ChST: Pacific/Guam Pacific/Saipan
EET/EEST: Asia/Famagusta
GMT: Etc/GMT GMT GMT+0 GMT-0 GMT0
GMT/BST: Europe/Guernsey Europe/Isle_of_Man Europe/Jersey
GMT/IST: Eire Europe/Dublin
HKT: Asia/Hong_Kong Hongkong
HST/HDT: America/Adak America/Atka US/Aleutian
IST/IDT: Asia/Jerusalem Asia/Tel_Aviv Israel
JST: Asia/Tokyo Japan
KST: Asia/Pyongyang Asia/Seoul ROK
MST: America/Dawson America/Hermosillo America/Mazatlan America/Whitehorse Canada/Yukon
MST: Mexico/BajaSur
MSK: Europe/Kirov Europe/Moscow Europe/Simferopol Europe/Volgograd W-SU
PKT: Asia/Karachi
PST: Asia/Manila
SST: Pacific/Midway Pacific/Pago_Pago Pacific/Samoa US/Samoa
WET/WEST: Atlantic/Canary Atlantic/Faeroe Atlantic/Faroe Atlantic/Madeira Europe/Lisbon Portugal
WET/WEST: WET
`;

const byZone = new Map(
  EXCEPTIONS.trim().split("\n").flatMap((line) => {
    const [names = "", zones = ""] = line.split(": ");
    return zones.split(" ").map((zone) => [zone, names] as const);
  }),
);

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known !== undefined) return known;
  // Written as distances, such as GMT-00:44:30.
  const format = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" });
  formats.set(zone, format);
  return format;
}

/** Seconds east of UTC. */
function offsetAt(zone: string, time: Date): number {
  const parts = formatOf(zone).formatToParts(time);
  const text = parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  const [, sign, hours, minutes, seconds = 0] = /([-+])(\d+):(\d+)(?::(\d+))?/.exec(text) ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
}

/**
 * Finds what a zone is at a time.
 *
 * @param zone a name of the IANA's such as `Europe/Berlin`, `UTC`, or `Local` for the machine's
 * @throws {Error} for a zone that does not exist
 */
function zoneAt(zone: string, time: Date): ZoneAt {
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
    if (exception === "-") return zoneDistance(offset);
    const [standard = "", summer = standard] = exception.split("/");
    return isSummer(zone, time, offset) ? summer : standard;
  }
  for (const locale of LOCALES) {
    const format = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "short" });
    const name = format.formatToParts(time).find(({ type }) => type === "timeZoneName")?.value;
    if (name !== undefined && NAMES.has(name)) return name;
  }
  return zoneDistance(offset);
}

/** Whether clocks are ahead of what they are in the other half of the year. */
function isSummer(zone: string, time: Date, offset: number): boolean {
  const year = time.getUTCFullYear();
  return [0, 6].some((month) => offsetAt(zone, new Date(Date.UTC(year, month, 1))) < offset);
}

/** `+0530`, and without minutes where there are none. */
function zoneDistance(offset: number): string {
  const whole = offset % 3600 === 0;
  return distance(whole ? "-07" : "-0700", offset);
}

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  "\u00b5s": 1e-3,
  "\u03bcs": 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;

/** Milliseconds, or undefined for what is no length of time. */
export function parseDuration(text: string): number | undefined {
  const [, sign = "", rest = ""] = /^([-+]?)(.*)$/.exec(text) ?? [];
  if (rest === "0") return 0;
  if (rest === "" || rest.replaceAll(PART, "") !== "") return undefined;
  let sum = 0;
  for (const [, number, unit = ""] of rest.matchAll(PART)) {
    sum += Number(number) * (UNITS[unit] ?? 0);
  }
  return sign === "-" ? -sum : sum;
}
