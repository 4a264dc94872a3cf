// Settings as they would stand in agent.json; read by the agent's own loader.

package import Settings

/// No variable is set, and all files are empty.
private let noVariables = SettingsVariables(environment: { _ in nil }, readFile: { _ in [] })

/// The tree that this text, an object, makes.
package func settingsTree(
    _ text: String, _ variables: SettingsVariables? = nil
) throws(SettingsError) -> SettingsValue {
    let file = SettingsFile(name: "agent.json", bytes: Array(text.utf8))
    return try loadSettings([file], variables: variables ?? noVariables)
}

/// The section that this text, an object, makes.
package func section(
    _ text: String = "{}", path: String = "test", _ variables: SettingsVariables? = nil
) throws(SettingsError) -> SettingsSection {
    try SettingsSection(try settingsTree(text, variables), path: path)
}
