// What an input's settings ask of its records: the keys of its section that are the same for every kind of input.

package import Logs
package import Settings

extension RecordPipeline {
    /// Takes its keys from the section of an input: `format`, `kubernetes`, `multiline`, `filters`, `metrics`.
    package init(_ section: inout SettingsSection) throws(SettingsError) {
        self.init()
        assembly = try RecordAssembly.make(&section)
        for var entry in try section.sections("filters") {
            filters += try RecordFilter.entry(&entry)
            try entry.finish()
        }
        metrics = try LogMetric.list(&section)
    }
}
