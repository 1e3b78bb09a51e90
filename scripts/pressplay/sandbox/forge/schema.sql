-- The forge's tables. Times are seconds since the epoch by the injected clock; JSON columns hold what GitHub's API takes and gives.
CREATE TABLE IF NOT EXISTS forge_apps (
  id INTEGER PRIMARY KEY AUTOINCREMENT, slug TEXT NOT NULL UNIQUE COLLATE NOCASE, name TEXT NOT NULL, client_id TEXT NOT NULL,
  permissions TEXT NOT NULL, events TEXT NOT NULL, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_apps_client ON forge_apps (client_id);
-- The public halves of the Apps' keys. As at GitHub the private one is with whom it was given to, and nowhere here.
CREATE TABLE IF NOT EXISTS forge_app_keys (
  id INTEGER PRIMARY KEY AUTOINCREMENT, app_id INTEGER NOT NULL, public_key TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS forge_app_keys_app ON forge_app_keys (app_id);
CREATE TABLE IF NOT EXISTS forge_manifest_codes (
  hash TEXT PRIMARY KEY, app_id INTEGER NOT NULL, hook INTEGER NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS forge_users (
  id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE COLLATE NOCASE, type TEXT NOT NULL,
  app_id INTEGER REFERENCES forge_apps (id), created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_users_app ON forge_users (app_id);
CREATE TABLE IF NOT EXISTS forge_repos (
  id INTEGER PRIMARY KEY AUTOINCREMENT, full_name TEXT NOT NULL UNIQUE COLLATE NOCASE, owner_id INTEGER NOT NULL,
  parent_id INTEGER REFERENCES forge_repos (id), default_branch TEXT NOT NULL, created_at REAL NOT NULL,
  pushed_at REAL NOT NULL, next_number INTEGER NOT NULL DEFAULT 1, public INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS forge_repos_parent ON forge_repos (parent_id);
CREATE TABLE IF NOT EXISTS forge_grants (
  repo_id INTEGER NOT NULL, user_id INTEGER NOT NULL, permission TEXT NOT NULL, PRIMARY KEY (repo_id, user_id));
CREATE TABLE IF NOT EXISTS forge_installations (
  id INTEGER PRIMARY KEY AUTOINCREMENT, app_id INTEGER NOT NULL, owner_id INTEGER NOT NULL, created_at REAL NOT NULL,
  UNIQUE (app_id, owner_id));
CREATE TABLE IF NOT EXISTS forge_installation_repos (
  installation_id INTEGER NOT NULL, repo_id INTEGER NOT NULL, PRIMARY KEY (installation_id, repo_id));
CREATE TABLE IF NOT EXISTS forge_suspended (installation_id INTEGER PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS forge_tokens (
  hash TEXT PRIMARY KEY, installation_id INTEGER, user_id INTEGER, repo_ids TEXT, permissions TEXT, expires_at REAL);
CREATE INDEX IF NOT EXISTS forge_tokens_expiry ON forge_tokens (expires_at);
CREATE TABLE IF NOT EXISTS forge_refs (
  repo_id INTEGER NOT NULL, name TEXT NOT NULL, sha TEXT NOT NULL, PRIMARY KEY (repo_id, name)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS forge_refs_sha ON forge_refs (repo_id, sha);
CREATE TABLE IF NOT EXISTS forge_activities (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, ref TEXT NOT NULL, "before" TEXT NOT NULL,
  "after" TEXT NOT NULL, type TEXT NOT NULL, user_id INTEGER NOT NULL, time REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_activities_ref ON forge_activities (repo_id, ref);
CREATE TABLE IF NOT EXISTS forge_issues (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, number INTEGER NOT NULL, is_pull INTEGER NOT NULL,
  title TEXT NOT NULL, body TEXT, state TEXT NOT NULL, state_reason TEXT, user_id INTEGER NOT NULL, created_at REAL NOT NULL,
  updated_at REAL NOT NULL, closed_at REAL, UNIQUE (repo_id, number));
CREATE INDEX IF NOT EXISTS forge_issues_state ON forge_issues (repo_id, state);
CREATE INDEX IF NOT EXISTS forge_issues_updated ON forge_issues (repo_id, updated_at);
CREATE TABLE IF NOT EXISTS forge_milestones (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, number INTEGER NOT NULL, title TEXT NOT NULL, description TEXT,
  state TEXT NOT NULL, creator_id INTEGER NOT NULL, created_at REAL NOT NULL, updated_at REAL NOT NULL, closed_at REAL,
  UNIQUE (repo_id, number), UNIQUE (repo_id, title));
CREATE TABLE IF NOT EXISTS forge_issue_milestones (issue_id INTEGER PRIMARY KEY, milestone_id INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS forge_issue_milestones_of ON forge_issue_milestones (milestone_id);
-- An issue has one parent; `place` orders the parts of one.
CREATE TABLE IF NOT EXISTS forge_sub_issues (issue_id INTEGER PRIMARY KEY, parent_id INTEGER NOT NULL, place INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS forge_sub_issues_of ON forge_sub_issues (parent_id);
CREATE TABLE IF NOT EXISTS forge_dependencies (
  issue_id INTEGER NOT NULL, blocked_by INTEGER NOT NULL, PRIMARY KEY (issue_id, blocked_by)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS forge_dependencies_back ON forge_dependencies (blocked_by);
CREATE TABLE IF NOT EXISTS forge_issue_events (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, issue_id INTEGER NOT NULL, event TEXT NOT NULL,
  actor_id INTEGER NOT NULL, detail TEXT NOT NULL, commit_id TEXT, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_issue_events_issue ON forge_issue_events (issue_id);
CREATE INDEX IF NOT EXISTS forge_issue_events_repo ON forge_issue_events (repo_id);
CREATE TABLE IF NOT EXISTS forge_pulls (
  issue_id INTEGER PRIMARY KEY, head_repo_id INTEGER NOT NULL, head_ref TEXT NOT NULL, head_sha TEXT NOT NULL,
  base_ref TEXT NOT NULL, base_sha TEXT NOT NULL, draft INTEGER NOT NULL, merged_at REAL, merged_by INTEGER,
  merge_commit_sha TEXT, last_pusher INTEGER);
CREATE INDEX IF NOT EXISTS forge_pulls_head ON forge_pulls (head_repo_id, head_ref);
CREATE INDEX IF NOT EXISTS forge_pulls_sha ON forge_pulls (head_sha);
-- What waits in merge queues; `entered_sha` is the pull request's head then, `base_sha` and `head_sha` are the group's.
CREATE TABLE IF NOT EXISTS forge_queue (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, branch TEXT NOT NULL, issue_id INTEGER NOT NULL UNIQUE,
  user_id INTEGER NOT NULL, jump INTEGER NOT NULL, entered_sha TEXT NOT NULL, base_sha TEXT, head_sha TEXT, requested_at REAL,
  created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_queue_branch ON forge_queue (repo_id, branch);
CREATE TABLE IF NOT EXISTS forge_labels (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, color TEXT NOT NULL,
  description TEXT, UNIQUE (repo_id, name));
CREATE TABLE IF NOT EXISTS forge_issue_labels (
  issue_id INTEGER NOT NULL, label_id INTEGER NOT NULL, PRIMARY KEY (issue_id, label_id));
CREATE INDEX IF NOT EXISTS forge_issue_labels_label ON forge_issue_labels (label_id);
CREATE TABLE IF NOT EXISTS forge_comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL, user_id INTEGER NOT NULL, body TEXT NOT NULL,
  created_at REAL NOT NULL, updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_comments_issue ON forge_comments (issue_id);
CREATE INDEX IF NOT EXISTS forge_comments_updated ON forge_comments (updated_at);
-- Who edited a text when; `kind` is GraphQL's name of what it is the text of. What it was before nobody asks for.
CREATE TABLE IF NOT EXISTS forge_edits (
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, subject_id INTEGER NOT NULL, user_id INTEGER NOT NULL,
  at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_edits_subject ON forge_edits (kind, subject_id);
CREATE TABLE IF NOT EXISTS forge_review_requests (
  issue_id INTEGER NOT NULL, user_id INTEGER NOT NULL, PRIMARY KEY (issue_id, user_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forge_reviews (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL, user_id INTEGER NOT NULL, state TEXT NOT NULL,
  body TEXT NOT NULL, commit_id TEXT NOT NULL, submitted_at REAL);
CREATE INDEX IF NOT EXISTS forge_reviews_issue ON forge_reviews (issue_id);
CREATE TABLE IF NOT EXISTS forge_review_comments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, issue_id INTEGER NOT NULL, review_id INTEGER, user_id INTEGER NOT NULL,
  path TEXT NOT NULL, line INTEGER, start_line INTEGER, side TEXT NOT NULL, body TEXT NOT NULL, commit_id TEXT NOT NULL,
  original_commit_id TEXT NOT NULL, diff_hunk TEXT NOT NULL, in_reply_to INTEGER, created_at REAL NOT NULL,
  updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_review_comments_issue ON forge_review_comments (issue_id);
CREATE INDEX IF NOT EXISTS forge_review_comments_updated ON forge_review_comments (updated_at);
CREATE INDEX IF NOT EXISTS forge_review_comments_review ON forge_review_comments (review_id);
CREATE INDEX IF NOT EXISTS forge_review_comments_thread ON forge_review_comments (in_reply_to);
CREATE TABLE IF NOT EXISTS forge_resolved (comment_id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS forge_check_suites (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, app_id INTEGER NOT NULL, head_sha TEXT NOT NULL,
  head_branch TEXT, workflow_id INTEGER, rerequested INTEGER NOT NULL DEFAULT 0, created_at REAL NOT NULL,
  updated_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_check_suites_head ON forge_check_suites (repo_id, head_sha);
CREATE TABLE IF NOT EXISTS forge_check_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, app_id INTEGER NOT NULL, suite_id INTEGER NOT NULL,
  name TEXT NOT NULL, head_sha TEXT NOT NULL, status TEXT NOT NULL, conclusion TEXT, started_at REAL, completed_at REAL,
  output TEXT NOT NULL, details_url TEXT, external_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS forge_check_runs_head ON forge_check_runs (repo_id, head_sha);
CREATE INDEX IF NOT EXISTS forge_check_runs_suite ON forge_check_runs (suite_id);
CREATE TABLE IF NOT EXISTS forge_workflows (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, name TEXT NOT NULL, path TEXT NOT NULL,
  created_at REAL NOT NULL, UNIQUE (repo_id, name), UNIQUE (repo_id, path));
CREATE TABLE IF NOT EXISTS forge_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, workflow_id INTEGER NOT NULL, number INTEGER NOT NULL,
  suite_id INTEGER NOT NULL, event TEXT NOT NULL, head_sha TEXT NOT NULL, head_branch TEXT,
  head_repo_id INTEGER NOT NULL, title TEXT NOT NULL,
  actor_id INTEGER NOT NULL, attempt INTEGER NOT NULL, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_runs_workflow ON forge_runs (repo_id, workflow_id);
CREATE INDEX IF NOT EXISTS forge_runs_head ON forge_runs (repo_id, head_sha);
CREATE TABLE IF NOT EXISTS forge_attempts (
  run_id INTEGER NOT NULL, attempt INTEGER NOT NULL, status TEXT NOT NULL, conclusion TEXT, actor_id INTEGER NOT NULL,
  failed_only INTEGER NOT NULL, started_at REAL NOT NULL, updated_at REAL NOT NULL, PRIMARY KEY (run_id, attempt))
  WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forge_jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, run_id INTEGER NOT NULL, attempt INTEGER NOT NULL, check_id INTEGER NOT NULL,
  log TEXT, steps TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS forge_jobs_run ON forge_jobs (run_id);
CREATE INDEX IF NOT EXISTS forge_jobs_check ON forge_jobs (check_id);
CREATE TABLE IF NOT EXISTS forge_alerts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL,
  state TEXT NOT NULL, fields TEXT NOT NULL, instances TEXT NOT NULL, reason TEXT, comment TEXT, closed_by INTEGER,
  closed_at REAL, created_at REAL NOT NULL, updated_at REAL NOT NULL, UNIQUE (repo_id, kind, number));
CREATE TABLE IF NOT EXISTS forge_disabled (
  repo_id INTEGER NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (repo_id, kind));
CREATE TABLE IF NOT EXISTS forge_statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, sha TEXT NOT NULL, context TEXT NOT NULL,
  state TEXT NOT NULL, description TEXT, target_url TEXT, user_id INTEGER NOT NULL, created_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS forge_statuses_sha ON forge_statuses (repo_id, sha);
CREATE TABLE IF NOT EXISTS forge_rulesets (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, name TEXT NOT NULL, target TEXT NOT NULL,
  enforcement TEXT NOT NULL, conditions TEXT NOT NULL, rules TEXT NOT NULL, bypass_actors TEXT NOT NULL,
  created_at REAL NOT NULL, updated_at REAL NOT NULL, UNIQUE (repo_id, name));
CREATE TABLE IF NOT EXISTS forge_deployments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, user_id INTEGER NOT NULL, sha TEXT NOT NULL,
  ref TEXT NOT NULL, task TEXT NOT NULL, environment TEXT NOT NULL, description TEXT, payload TEXT NOT NULL,
  transient INTEGER NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS forge_deployment_statuses (
  id INTEGER PRIMARY KEY AUTOINCREMENT, deployment_id INTEGER NOT NULL, user_id INTEGER NOT NULL, state TEXT NOT NULL,
  description TEXT NOT NULL, environment_url TEXT NOT NULL, log_url TEXT NOT NULL, created_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS forge_environments (
  id INTEGER PRIMARY KEY AUTOINCREMENT, repo_id INTEGER NOT NULL, name TEXT NOT NULL, created_at REAL NOT NULL,
  UNIQUE (repo_id, name));
CREATE TABLE IF NOT EXISTS forge_repo_settings (repo_id INTEGER PRIMARY KEY, fields TEXT NOT NULL);
-- An App's webhook or a repository's. Its secret is not kept, only whether it has one.
CREATE TABLE IF NOT EXISTS forge_hooks (
  id INTEGER PRIMARY KEY AUTOINCREMENT, app_id INTEGER UNIQUE, repo_id INTEGER, url TEXT NOT NULL, content_type TEXT NOT NULL,
  insecure_ssl TEXT NOT NULL, secret INTEGER NOT NULL, active INTEGER NOT NULL, events TEXT NOT NULL, created_at REAL NOT NULL,
  updated_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS forge_events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, delivery TEXT NOT NULL, payload TEXT NOT NULL,
  time REAL NOT NULL);
