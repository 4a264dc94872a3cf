// What an input's settings ask of its records: the keys of its section that are the same for every kind of input.

internal import Bytes
package import Logs
package import Settings

extension RecordPipeline {
    /// Takes its keys from the section of an input: `format`, `kubernetes`, `multiline`, `parse` and what goes with it,
    /// `filters`. What the log says gets none of the `names`, which the settings give each record.
    package init(_ section: inout SettingsSection, reserving names: [String] = []) throws(SettingsError) {
        self.init()
        assembly = try RecordAssembly.make(&section)
        parsing = try RecordParsing.make(&section, reserving: names)
        for var entry in try section.sections("filters") {
            filters.append(try RecordFilter(&entry))
            try entry.finish()
        }
    }
}

extension RecordFilter {
    /// `{ "include": "…" }` or `{ "exclude": "…" }`.
    init(_ section: inout SettingsSection) throws(SettingsError) {
        let include = try section.pattern("include")
        let exclude = try section.pattern("exclude")
        switch (include, exclude) {
        case (let pattern?, nil): self.init(.include, pattern)
        case (nil, let pattern?): self.init(.exclude, pattern)
        default:
            // A misspelt key is the likelier reason.
            try section.finish()
            throw section.error("expected \"include\" or \"exclude\"")
        }
    }
}
