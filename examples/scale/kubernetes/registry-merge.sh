# Run in the source, when the job of registry.yaml is complete, with its KO_DOCKER_REPO: takes the
# references that its pods have printed, and what they stand for, into one layout.
kubectl logs --selector batch.kubernetes.io/job-name=images --tail=-1 --max-log-requests=50 |
  grep "^$KO_DOCKER_REPO/.*@sha256:" | sort -u > refs.txt
kodeno plan ./... --json -B > plan.json
kodeno merge --complete plan.json out $(cat refs.txt)
