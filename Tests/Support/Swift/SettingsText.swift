// Settings as they would stand in agent.json; read by the agent's own loader, without variables.

package import Settings

/// The tree that this text, an object, makes.
package func settingsTree(_ text: String) throws(SettingsError) -> SettingsValue {
    let file = SettingsFile(name: "agent.json", bytes: Array(text.utf8))
    return try loadSettings([file], variables: SettingsVariables(environment: { _ in nil }, readFile: { _ in [] }))
}

/// The section that this text, an object, makes.
package func section(_ text: String = "{}", path: String = "test") throws(SettingsError) -> SettingsSection {
    try SettingsSection(try settingsTree(text), path: path)
}
