// Fields that the settings name as the log does, where records have what a parser understood under another name: a
// filter by `level` finds nothing, since that is `severity`.

internal import Logs
package import Settings

/// One warning for each such name in the `filters` and `metrics` of an input, with its place. A warning and no error,
/// since such a field stays when it says nothing that is understood, or when the log has two of them.
package func misnamedFields(in section: SettingsSection) -> [String] {
    guard section.has("parse") else { return [] }
    var warnings: [String] = []
    func look(at name: String?, _ key: String, _ section: SettingsSection) {
        guard let name, let understood = nameUnderstood(of: name) else { return }
        let reason = "what \"parse\" understands of a field \"\(name)\" is \"\(understood)\" in a record"
        warnings.append(section.error(at: key, reason).description)
    }
    var own = section
    do throws(SettingsError) {
        for var filter in try own.sections("filters") {
            for key in ["field", "by"] { look(at: try filter.optionalString(key), key, filter) }
        }
        for var metric in try own.sections("metrics") {
            for key in ["count", "histogram"] where metric.has(key) {
                var source = try metric.section(key)
                look(at: try source.optionalString("field"), "field", source)
            }
            for (_, value) in try metric.table("labels") { look(at: value, "labels", metric) }
        }
    } catch {
        // Whoever makes these of the section says so.
    }
    return warnings
}
