// What an input's settings ask of its records: the keys of its section that are the same for every kind of input.

package import Logs
package import Settings

extension RecordPipeline {
    /// Takes its keys from the section of an input: `format`, `kubernetes`, `multiline`, `parse` and what goes with it,
    /// `filters`, `metrics`, `emf`, `log_groups`. What the log says gets none of the `names`, which the settings and
    /// the input give each record.
    package init(_ section: inout SettingsSection, reserving names: [String] = []) throws(SettingsError) {
        self.init()
        assembly = try RecordAssembly.make(&section)
        let taken = assembly?.fieldNames ?? []
        for name in names where taken.contains(name) {
            throw section.error(at: "fields", member: name, "is a name that records of this input have already")
        }
        parsing = try RecordParsing.make(&section, reserving: names + taken)
        for var entry in try section.sections("filters") {
            filters += try RecordFilter.entry(&entry)
            try entry.finish()
        }
        metrics = try LogMetric.list(&section)
        recognisesDocuments = try section.bool("emf", default: true)
        documents = DocumentRules(logGroups: try section.globs("log_groups"))
        if !recognisesDocuments, documents.logGroups != nil {
            throw section.error(at: "log_groups", "is for documents, and \"emf\" is false")
        }
    }
}
