#!/usr/bin/env bash
# Turns what Press Play gives an agent into a call of a coding agent's command line, and what that leaves into what
# Press Play takes back. Use: pressplay play PROJECT --agent "/path/to/agent.sh claude" (or codex, or opencode).
set -euo pipefail

cli=${1:?which command line: claude, codex or opencode}

# Agents may write in the work tree only; the result's own place lies outside. task/ is ignored by git.
outside=$PRESSPLAY_RESULT
export PRESSPLAY_RESULT=$PWD/task/result.json
rm -f "$PRESSPLAY_RESULT"

prompt='Read task/instructions.md, then task/prompt.md and what they name, and do what this run is asked. Nobody can
answer questions while you work: where only a person can decide, hand over the result "blocked" with your question, as
task/instructions.md says, and end. Commit if you may; what you leave uncommitted is committed for you. Where you are to
hand over JSON, write it to task/result.json.'
persona=$(cat "$PRESSPLAY_PERSONA")
# The models of the chart's values are names of Claude Code; another command line is given its own by AGENT_MODEL.
model=${AGENT_MODEL:-}

case $cli in
  claude)
    claude -p "$prompt" --append-system-prompt "$persona" --model "${model:-$PRESSPLAY_MODEL}" \
      --permission-mode acceptEdits --allowedTools Bash </dev/null
    ;;
  codex)
    printf '%s\n\n%s\n' "$persona" "$prompt" | codex exec --sandbox workspace-write ${model:+--model "$model"} -
    ;;
  opencode)
    opencode run --auto ${model:+--model "$model"} "$persona

$prompt" </dev/null
    ;;
  *)
    echo "agent.sh: expected claude, codex or opencode, got $cli" >&2
    exit 2
    ;;
esac

if [ -n "$(git status --porcelain)" ]; then
  git add --all
  git commit --quiet --message "What $PRESSPLAY_AGENT left uncommitted (task $PRESSPLAY_TASK, $PRESSPLAY_ROLE)"
fi

if [ -f "$PRESSPLAY_RESULT" ]; then
  mv "$PRESSPLAY_RESULT" "$outside"
elif [ "$PRESSPLAY_ROLE" = test ]; then
  echo "agent.sh: no verdict: $PRESSPLAY_AGENT wrote no task/result.json" >&2
  exit 1
fi
