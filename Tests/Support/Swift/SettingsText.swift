// Settings as they would stand in agent.json.

package import Settings

/// The section that this text, an object, makes; read by the agent's own loader, without variables.
package func section(_ text: String, path: String = "test") throws -> SettingsSection {
    let file = SettingsFile(name: "agent.json", bytes: Array(text.utf8))
    let variables = SettingsVariables(environment: { _ in nil }, readFile: { _ in [] })
    return try SettingsSection(try loadSettings([file], variables: variables), path: path)
}
