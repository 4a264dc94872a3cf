// Collectors on a fixture host, made by their names: for suites that have golden files of their own.

import Bytes
import Foundation
import Metrics
import Procfs
import Settings
import TestSupport
import Testing

@testable import Collectors

struct TestFailure: Error {
    let what: String
    init(_ what: String) { self.what = what }
}

/// One reading of a collector with these options.
func collectOnce(
    _ name: String, on host: TemporaryHost, _ options: String = "{}"
) throws -> (samples: [String], error: CollectError?) {
    var collector = try made(name, host.host, options)
    return readOnce(&collector)
}

private func made(_ name: String, _ host: Procfs.Host, _ options: String) throws -> any Collector {
    var section = try section(options)
    let type = try #require(allCollectors.first { $0.name == name })
    let collector = try type.init(&section, host: host)
    try section.finish()
    return collector
}

/// As `samples`, with what was added before an error.
private func readOnce(_ collector: inout any Collector) -> (samples: [String], error: CollectError?) {
    var snapshot = Snapshot()
    var problem: CollectError?
    do throws(CollectError) { try collector.collect(into: &snapshot) } catch { problem = error }
    let samples = snapshot.samples.map { sample in
        let labels = snapshot.labels(of: sample)
        var text = Array(snapshot.families[sample.family].name.utf8)
        if !labels.isEmpty { text.append(text: "{\(labels.joined(separator: ","))}") }
        text.append(text: " ")
        text.append(number: sample.value)
        return String(decoding: text, as: UTF8.self)
    }
    return (samples, problem)
}

/// A tree of Tests/Fixtures/hosts.
struct GoldenHost {
    let name: String
    private let root: String
    private let host: Procfs.Host

    init(_ name: String) {
        self.name = name
        root = "\(Repository.fixtures)/hosts/\(name)"
        host = Procfs.Host(proc: "\(root)/proc", sys: "\(root)/sys", udev: "\(root)/udev")
    }

    func collect(_ name: String, _ options: String = "{}") throws -> (samples: [String], error: CollectError?) {
        var collector = try made(name, host, options)
        return readOnce(&collector)
    }

    /// Holds what it serves to Tests/Fixtures/golden/<host>/<collector>.txt. Collects twice: the second time everything
    /// is known already, and nothing may be different. What it serves has to be declared, and only once.
    func expect(_ collector: String, _ options: String = "{}") throws {
        var made = try made(collector, host, options)
        var texts: [String] = []
        for _ in 0..<2 {
            var snapshot = Snapshot()
            var output: [UInt8] = []
            do throws(CollectError) { try made.collect(into: &snapshot) } catch {
                switch error {
                case .absent(let what): output.append(text: "absent: \(what)\n")
                case .failed(let what): output.append(text: "failed: \(what)\n")
                }
            }
            var encoder = PrometheusText()
            encoder.encode([snapshot], into: &output)
            texts.append(String(decoding: output, as: UTF8.self).replacingOccurrences(of: root, with: ""))
            let declared = Set(type(of: made).metrics.map(\.name))
            for metric in snapshot.families where !declared.isEmpty {
                #expect(declared.contains(metric.name), "\(metric.name) is not declared")
            }
            let series = snapshot.samples.map { [snapshot.families[$0.family].name] + snapshot.labels(of: $0) }
            #expect(Set(series).count == series.count, "\(collector): a series is served twice")
        }
        #expect(texts[0] == texts[1])
        try Golden.expect("\(name)/\(collector)", texts[1])
    }
}
