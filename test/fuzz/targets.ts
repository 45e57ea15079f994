/**
 * Everything that is fuzzed.
 * @module
 */
import { ARCHIVES } from "./archives.ts";
import { BUNDLES } from "./bundles.ts";
import { GLOBS } from "./globs.ts";
import { HTTP_HEADS } from "./http_heads.ts";
import { KO_YAML } from "./ko_yaml.ts";
import { KUBERNETES_YAML } from "./kubernetes_yaml.ts";
import { LAYOUTS } from "./layouts.ts";
import { LOCK_FILE } from "./lock_file.ts";
import { RECEIPTS } from "./receipts.ts";
import { REFERENCES } from "./references.ts";
import { SKAFFOLD_YAML } from "./skaffold_yaml.ts";
import { TEMPLATES } from "./templates.ts";
import type { FuzzTarget } from "./target.ts";

/** All targets. */
export const TARGETS: readonly FuzzTarget[] = [
  ...LAYOUTS,
  ARCHIVES,
  BUNDLES,
  RECEIPTS,
  KO_YAML,
  SKAFFOLD_YAML,
  KUBERNETES_YAML,
  LOCK_FILE,
  REFERENCES,
  GLOBS,
  HTTP_HEADS,
  TEMPLATES,
];
