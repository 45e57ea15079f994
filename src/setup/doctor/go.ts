/**
 * Is there a Go that can build what lies here?
 * @module
 */
import { refuseToolexec } from "../../config/checks.ts";
import { goCommandOf } from "../../config/environment.ts";
import { messageOf } from "../../errors.ts";
import type { GoCommand } from "../../go/command.ts";
import { goEnvironment } from "../../go/list.ts";
import { reach } from "../../place/registry/check_access.ts";
import { registryOptions } from "../../place/open.ts";
import { type Finding, ok, type Patient, shownUrl, told, warning, wrong } from "./check.ts";

/** Finds out about Go, its flags, the module of the folder, and where modules come from. */
export async function checkGo(patient: Patient): Promise<readonly Finding[]> {
  const { directory, environment, signal } = patient;
  const command = goCommandOf(environment);
  // Looking must not make it fetch another toolchain.
  const local = { ...environment, GOTOOLCHAIN: "local" };
  const how: GoCommand = { command, environment: local, directory, signal };
  let go: Readonly<Record<string, string>>;
  try {
    go = await goEnvironment(how);
  } catch (error) {
    signal?.throwIfAborted();
    return [told("go", "wrong", messageOf(error))];
  }
  return [
    ok("go", `${go["GOVERSION"]} in ${go["GOROOT"]}`),
    ...toolexec(go["GOFLAGS"] ?? ""),
    ...await moduleOf(patient, go),
    ...await proxies(patient, go["GOPROXY"] ?? ""),
  ];
}

function toolexec(flags: string): readonly Finding[] {
  try {
    refuseToolexec("GOFLAGS", flags.split(/\s+/));
    return [];
  } catch {
    const mend = "take it out of GOFLAGS (go env -u GOFLAGS, or the environment)";
    return [wrong("go", "GOFLAGS has -toolexec, with which nothing is built", mend)];
  }
}

async function moduleOf(
  { environment, offline }: Patient,
  go: Readonly<Record<string, string>>,
): Promise<readonly Finding[]> {
  const { GOMOD = "", GOWORK = "", GOVERSION = "", GOENV = "" } = go;
  if (GOMOD === "" || GOMOD === "/dev/null" || GOMOD === "NUL") {
    const mend = 'run kodeno in the folder of a module, or "go mod init" here';
    return [warning("module", "there is no go.mod here or above", mend)];
  }
  const wanted = [...await Promise.all([GOMOD, GOWORK].filter((path) => path !== "").map(goLine))]
    .filter((version) => version !== undefined)
    .sort(compareVersions).at(-1);
  if (wanted === undefined || compareVersions(wanted, GOVERSION.replace(/^go/, "")) <= 0) {
    return [ok("module", GOMOD)];
  }
  const toolchain = environment["GOTOOLCHAIN"] || await lineOf(GOENV, "GOTOOLCHAIN") || "auto";
  const found = `${GOMOD} wants Go ${wanted}, and there is ${GOVERSION}`;
  const mend = `install Go ${wanted}`;
  if (offline || /^local$/.test(toolchain)) return [wrong("module", found, mend)];
  return [warning("module", `${found}: builds fetch that one (GOTOOLCHAIN=${toolchain})`, mend)];
}

async function goLine(path: string): Promise<string | undefined> {
  const text = await Deno.readTextFile(path).catch(() => "");
  return /^go\s+(\d[\w.]*)/m.exec(text)?.[1];
}

async function lineOf(path: string, name: string): Promise<string | undefined> {
  const text = path === "" ? "" : await Deno.readTextFile(path).catch(() => "");
  return new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1]?.trim();
}

/** Compares `1.22`, `1.26.8` and `1.27rc1`: by numbers, what comes before a release first. */
export function compareVersions(a: string, b: string): number {
  const parts = (version: string): readonly number[] => {
    const [, major = "0", minor = "0", patch = "0", kind, number = "0"] =
      /^(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:(rc|beta)(\d+))?/.exec(version) ?? [];
    const rank = kind === undefined ? 2 : kind === "rc" ? 1 : 0;
    return [major, minor, patch, rank, number].map(Number);
  };
  const [x, y] = [parts(a), parts(b)];
  return x.map((value, i) => value - (y[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

async function proxies(patient: Patient, list: string): Promise<readonly Finding[]> {
  const { transfer, signal, online } = patient;
  const places = list.split(/[,|]/).filter((place) => place !== "");
  if (places[0] === "off") {
    return [ok("modules", "GOPROXY is off: modules come from Go's cache or from vendor")];
  }
  const names = places.map((place) => /^(?:direct|off)$/.test(place) ? place : shownUrl(place));
  if (!online) return [ok("modules", `come from ${names.join(", then ")}`)];
  const [first = ""] = places.filter((place) => /^https?:/.test(place));
  if (first === "") return [ok("modules", `come from ${names.join(", then ")}`)];
  try {
    const options = { ...registryOptions(transfer), connectMs: 5000, answerMs: 10_000, signal };
    const status = await reach(new URL(first), options);
    return [ok("modules", `come from ${names.join(", then ")}, which answered ${status}`)];
  } catch (error) {
    signal?.throwIfAborted();
    const mend = "set GOPROXY to one that can be reached, or HTTPS_PROXY to the way there";
    return [warning("modules", messageOf(error), mend)];
  }
}
