/**
 * A rules file to start from: the built-in rules, explained, and what people write next, as comments.
 * A test keeps its policy the built-in one, so that `init` changes what is decided for nobody.
 */
export const STARTER_RULES = `# Rules of obsigna: what a tool call may do before it reaches its server.
#
# Every rule whose conditions all hold is asked; the most restrictive action wins: block, then pause,
# then flag, then pass. A call that no rule matches passes. What is not understood here is an error
# with line and column: check this file with
#
#   mcp-proxy doctor -rules FILE
#
# These are the built-in rules, word for word. Change them, or write your own below.

rules:
  # Deleting something of weight: the call never reaches the server.
  - name: block_destructive_ops
    description: Block delete operations on sensitive tools
    tool_pattern: delete_*
    operation_types: [delete]
    min_risk_score: 70
    action: block

  # Everything with a high score waits for a person. Where nobody can be asked it is refused.
  - name: pause_high_risk
    description: Pause high-risk operations for approval
    min_risk_score: 50
    action: pause

  # The rest is let through, and named in the log.
  - name: flag_sql_mutations
    description: Flag SQL write/delete/execute operations
    server_pattern: postgres*
    operation_types: [write, delete, execute]
    action: flag

  - name: flag_auth_tools
    description: Flag tools that interact with authentication
    tool_pattern: "*auth*"
    action: flag

  - name: flag_config_changes
    description: Flag configuration modification tools
    tool_pattern: "*config*"
    operation_types: [write, delete]
    action: flag

  - name: flag_external_messages
    description: Flag tools that send external messages
    tool_pattern: send_*
    action: flag

  # More to choose from; take the # away.
  #
  # Nothing is deleted in production, whatever the score:
  # - name: no_deletes_in_production
  #   description: Nothing is deleted in production
  #   server_pattern: "prod*"
  #   operation_types: [delete]
  #   action: block
  #
  # A server that may only read:
  # - name: files_are_read_only
  #   description: The file server may read only
  #   server_pattern: files
  #   operation_types: [write, delete, execute]
  #   action: block
`;
