/**
 * gitlab-ci-local, which reads pipelines as GitLab does and runs their jobs here.
 * @module
 */

/** What deno is given to run it. */
export const GITLAB_CI_LOCAL = "npm:gitlab-ci-local@4.75.1";
