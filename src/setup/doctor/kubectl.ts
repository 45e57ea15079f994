/**
 * Is there a kubectl?
 * @module
 */
import { messageOf } from "../../errors.ts";
import { findKubectl } from "../../kube/kubectl.ts";
import { type Finding, ok, type Patient, told } from "./check.ts";

/** Finds out about kubectl, which `apply`, `create`, `delete` and `run` need. */
export async function checkKubectl({ environment }: Patient): Promise<readonly Finding[]> {
  try {
    return [ok("kubectl", await findKubectl(environment))];
  } catch (error) {
    return [told("kubectl", "warning", messageOf(error))];
  }
}
