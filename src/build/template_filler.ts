/**
 * Fills in ko's templates: `.Env`, `.GoEnv`, `.Git`, `.Date` and `.Timestamp`. Git and go are asked
 * once, and only when a template reads what they know.
 * @module
 */
import { KodenoError } from "../errors.ts";
import type { NoteEvent } from "../events.ts";
import { type GitFacts, gitFacts } from "../git/facts.ts";
import type { GitPlace } from "../git/command.ts";
import type { GoCommand } from "../go/command.ts";
import { goEnvironment } from "../go/list.ts";
import { koData } from "../template/ko_functions.ts";
import { compileTemplate } from "../template/template.ts";

/** Variables that say for what is built. */
const OF_A_PLATFORM = /^GO(?:OS|ARCH|EXE|386|AMD64|ARM|ARM64|MIPS|MIPS64|PPC64|RISCV64|WASM)$/;

/** A text that may be a template. */
export interface Fillable {
  readonly text: string;
  /** Names it in errors. */
  readonly where: string;
}

/** What texts are filled in with, beside what git knows. */
export interface FillFacts {
  /** Folder that `go env` runs in. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Creation time of the image in seconds since 1970; default now. */
  readonly created: number | undefined;
  /** Whether they hold for several platforms, so that what `go env` says of one is none of them. */
  readonly allPlatforms?: boolean | undefined;
  /** Whether go parts the texts at blanks, as it does those of flags. */
  readonly parted?: boolean | undefined;
}

/** What a filler asks with. */
export interface FillerContext {
  readonly git: GitPlace;
  /** Runs go; its folder and environment do not matter. */
  readonly go: GoCommand;
  readonly emit?: ((event: NoteEvent) => void) | undefined;
}

/** Fills in the templates of one build, for which all of them see the same time. */
export class TemplateFiller {
  readonly #now = new Date();
  readonly #told = new Set<string>();
  readonly #goEnvironments = new Map<string, Promise<Readonly<Record<string, string>>>>();
  #git: Promise<GitFacts> | undefined;

  constructor(readonly context: FillerContext) {}

  /**
   * Fills in texts; those that are no templates stay.
   *
   * @throws {KodenoError} `BAD_CONFIG` for a template that does not parse, or reads what is not there
   */
  async fill(texts: readonly Fillable[], facts: FillFacts): Promise<readonly string[]> {
    return await Promise.all(texts.map(async (one) => {
      if (!one.text.includes("{{")) return one.text;
      return await this.#one(one, facts);
    }));
  }

  async #one({ text, where }: Fillable, facts: FillFacts): Promise<string> {
    const template = compileTemplate(text, where);
    const [git, goEnvironment] = await Promise.all([
      template.mayRead("Git") ? this.#askGit(template.mayRead("Tag")) : undefined,
      template.mayRead("GoEnv") ? this.#askGo(facts) : undefined,
    ]);
    const { environment, created } = facts;
    const date = created === undefined ? this.#now : new Date(created * 1000);
    const run = (git: object): string =>
      template.run(koData({ environment, goEnvironment: goEnvironment ?? {}, git, date }));
    const filled = run(git ?? {});
    if (git !== undefined) check(filled, run, git, { text, where }, facts);
    return filled;
  }

  async #askGit(readsTag: boolean): Promise<object> {
    const { fields, problem, tagProblem } = await (this.#git ??= gitFacts(this.context.git));
    const message = problem ?? (readsTag ? tagProblem : undefined);
    if (message !== undefined && !this.#told.has(message)) {
      this.#told.add(message);
      this.context.emit?.({ type: "note", level: "warning", message });
    }
    return fields;
  }

  /** What `go env` prints. */
  async #askGo(
    { directory, environment, allPlatforms }: FillFacts,
  ): Promise<Readonly<Record<string, string>>> {
    // Modules may ask for another toolchain, and variables change what others say.
    const key = JSON.stringify([directory, environment]);
    const asked = this.#goEnvironments.get(key) ??
      goEnvironment({ ...this.context.go, directory, environment });
    this.#goEnvironments.set(key, asked);
    const all = await asked;
    if (!allPlatforms) return all;
    return Object.fromEntries(Object.entries(all).filter(([name]) => !OF_A_PLATFORM.test(name)));
  }
}

/**
 * Names of branches and tags are whatever somebody has pushed: they may change no flag but the one
 * that they stand in.
 */
function check(
  filled: string,
  run: (git: object) => string,
  git: object,
  { text, where }: Fillable,
  { parted }: FillFacts,
): void {
  const refuse = (why: string): KodenoError =>
    new KodenoError("BAD_CONFIG", `Cannot fill in ${JSON.stringify(text)} in ${where}: ${why}`);
  if (filled.includes("\ufffd")) {
    throw refuse("the name of the branch or tag is not UTF-8; rename it");
  }
  if (!parted || !Object.values(git).some((value) => String(value).includes('"'))) return;
  const entries = Object.entries(git).map(([name, value]) =>
    [name, typeof value === "string" ? value.replaceAll('"', "_") : value] as const
  );
  const wanted = run(Object.fromEntries(entries));
  if (
    JSON.stringify(words(filled).map((word) => word.replaceAll('"', "_"))) ===
      JSON.stringify(words(wanted).map((word) => word.replaceAll('"', "_")))
  ) return;
  throw refuse(
    `a quote in the name of the branch or tag makes other flags of it, ${filled}; ` +
      "take the quotes around it out, or rename it",
  );
}

/** The words of a text, as go parts it: at blanks, but those in quotes around a word. */
function words(text: string): readonly string[] {
  return [...text.matchAll(/"([^"]*)"?|'([^']*)'?|[^ \t\r\n]+/g)].map(([all, double, single]) =>
    double ?? single ?? all
  );
}
