// `vitals collectors`: what there is to collect, and with --verbose every metric with a fixed name.

internal import Collectors
internal import Metrics

package func collectorList(_ collectors: [CollectorState], isVerbose: Bool) -> String {
    guard isVerbose else {
        // Some collectors name their metrics after what the kernel's file has in it.
        var rows = [["COLLECTOR", "STATE", "DEFAULT", "METRICS"]]
        for collector in collectors {
            rows.append([
                collector.name, collector.isEnabled ? "enabled" : "disabled",
                collector.isEnabledByDefault ? "enabled" : "disabled",
                collector.metrics.isEmpty ? "as found" : "\(collector.metrics.count)",
            ])
        }
        return table(rows, leftColumns: 3)
    }
    var text = ""
    for collector in collectors {
        text += "\(collector.name) (\(collector.isEnabled ? "enabled" : "disabled"))\n"
        for metric in collector.metrics {
            let labels = metric.labels.isEmpty ? "" : "{\(metric.labels.joined(separator: ","))}"
            text += "  \(metric.name)\(labels) \(metric.kind.rawValue): \(metric.help)\n"
        }
    }
    return text
}
