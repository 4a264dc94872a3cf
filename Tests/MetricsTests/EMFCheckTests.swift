// The checker of EMF documents: one case for each rule of the specification's table, and what no document is.

import Bytes
import Foundation
import Metrics
import TestSupport
import Testing

@Suite struct EMFCheckTests {
    private let now: Int64 = 1_795_230_523_015
    private let good = #"""
        {"_aws":{"Timestamp":1795230523015,"LogGroupName":"g","CloudWatchMetrics":[{"Namespace":"My App/x",\#
        "Dimensions":[["d","host"],[]],"Metrics":[{"Name":"m","Unit":"Count"},\#
        {"Name":"n","StorageResolution":1},{"Name":"a.b"}]}]},"d":"v","host":"web-1","m":1,"n":[1,-2.5e3],"a.b":0,\#
        "more":{"x":[null,true]}}
        """#

    private func fault(_ text: String) -> EMFFault? { emfFault(in: Array(text.utf8), at: now) }

    private func many(_ count: Int, _ text: (Int) -> String) -> String { (0..<count).map(text).joined(separator: ",") }

    @Test func aGoodDocumentHasNone() {
        #expect(fault(good) == nil)
        #expect(fault(" \(good)\n") == nil)
        // The schema allows no directive, and a directive without metrics.
        #expect(fault(#"{"_aws":{"Timestamp":1.795230523015e12,"CloudWatchMetrics":[]}}"#) == nil)
        #expect(fault(good.replacingOccurrences(of: #""Count""#, with: #""Count/Second""#)) == nil)
        // What AWS's own OpenTelemetry exporters write, and CloudWatch takes.
        #expect(fault(good.replacingOccurrences(of: #""Dimensions""#, with: #""Dims""#)) == nil)
        for set in [
            #"{"Max":3,"Min":1,"Count":2,"Sum":4}"#, #"{"Values":[0.4,2],"Counts":[1,3]}"#, #"{"Values":[0.4,2]}"#,
            #"{"Values":[1,2],"Counts":[1,1],"Count":2,"Sum":3,"Max":2,"Min":1}"#,
        ] { #expect(fault(good.replacingOccurrences(of: #""m":1"#, with: "\"m\":\(set)")) == nil, "\(set)") }
    }

    @Test(arguments: [
        (#"{"_aws":{"#, #"[{"_aws":{"#, EMFFault.notAnObject), (#""_aws""#, #""_AWS""#, .noMetadata),
        (#"{"_aws":{"#, #"{"_aws":[],"b":{"#, .metadata),
        (#""Timestamp":1795230523015"#, #""timestamp":1795230523015"#, .timestamp),
        ("1795230523015", #""1795230523015""#, .timestamp), ("1795230523015", "1795230523015.5", .timestamp),
        ("1795230523015", "1e400", .timestamp), ("1795230523015", "99999999999999999999", .timestamp),
        ("1795230523015", "1794020923014", .tooOld), ("1795230523015", "1795237723016", .tooNew),
        ("1795230523015", "1795230523", .tooOld), ("1795230523015", "-9223372036854775808", .tooOld),
        (#""CloudWatchMetrics":[{"#, #""CloudWatchMetrics":{"a":[{"#, .notAnObject),
        ("CloudWatchMetrics", "cloudwatchmetrics", .directives),
        (#""CloudWatchMetrics":[{"#, #""CloudWatchMetrics":[7,{"#, .directives),
        (#""My App/x""#, #""""#, .namespace), (#""My App/x""#, "1", .namespace), ("My App/x", "Ümlaut", .namespace),
        (#""Namespace""#, #""Namespaces""#, .namespace), (#"[["d","host"],[]]"#, "[]", .dimensions),
        (#"[["d","host"],[]]"#, #"["d"]"#, .dimensions), (#"[["d","host"],[]]"#, "[[1]]", .dimensions),
        (#"[["d","host"],[]]"#, "null", .dimensions), (#"[["d","host"],[]]"#, #"[[""]]"#, .dimensionName),
        (#"[["d","host"],[]]"#, #"[["missing"]]"#, .dimensionValue), (#""d":"v""#, #""d":1"#, .dimensionValue),
        (#""d":"v""#, #""d":"""#, .dimensionValue), (#""d":"v""#, #""d":" ""#, .dimensionValue),
        (#""Metrics":[{"#, #""Metrics":["m",{"#, .metrics), (#""Metrics":[{"#, #""metrics":[{"#, .metrics),
        (#"{"Name":"m","#, #"{"Name":"","#, .metricName), (#"{"Name":"m","#, #"{"name":"m","#, .metricName),
        (#""Count""#, #""Counts""#, .unit), (#""Count""#, #""count""#, .unit), (#""Count""#, "null", .unit),
        (#""StorageResolution":1"#, #""StorageResolution":10"#, .storageResolution),
        (#""StorageResolution":1"#, #""StorageResolution":"1""#, .storageResolution),
        (#""m":1"#, #""m":"1""#, .metricValue), (#""m":1"#, #""m":null"#, .metricValue),
        (#""m":1"#, #""M":1"#, .metricValue), (#""m":1"#, #""m":[]"#, .metricValue),
        (#""m":1"#, #""m":[1,"2"]"#, .metricValue), (#""m":1"#, #""m":1e109"#, .metricValue),
        (#""m":1"#, #""m":{}"#, .metricValue), (#""m":1"#, #""m":{"Max":3,"Min":1,"Count":2}"#, .metricValue),
        (#""m":1"#, #""m":{"Max":"3","Min":1,"Count":2,"Sum":4}"#, .metricValue),
        (#""m":1"#, #""m":{"Values":[1,2],"Counts":[1]}"#, .metricValue),
        (#""m":1"#, #""m":{"Values":[],"Counts":[]}"#, .metricValue), (#""m":1"#, #""m":{"Values":1}"#, .metricValue),
        (#""m":1"#, #""m":1e999"#, .metricValue), (#""a.b":0"#, #""a":{"b":0}"#, .metricValue),
    ])
    func aRuleThatIsBrokenIsNamed(from: String, to: String, expected: EMFFault) throws {
        let bad = good.replacingOccurrences(of: from, with: to)
        try #require(bad != good)
        #expect(fault(bad) == expected, "\(bad)")
    }

    @Test func limitsAreInclusive() {
        func set(_ count: Int) -> String {
            let names = many(count) { #""d\#($0)""# }
            let values = many(count) { #""d\#($0)":"v""# }
            return good.replacingOccurrences(of: #"[["d","host"],[]]"#, with: "[[\(names)]]")
                .replacingOccurrences(of: #""d":"v""#, with: values)
        }
        #expect(fault(set(30)) == nil && fault(set(31)) == .tooManyDimensions)
        func metrics(_ count: Int) -> String {
            good.replacingOccurrences(
                of: #""Metrics":[{"#, with: #""Metrics":[\#(many(count) { _ in #"{"Name":"m"}"# }),{"#)
        }
        #expect(fault(metrics(97)) == nil && fault(metrics(98)) == .tooManyMetrics)
        func values(_ count: Int) -> String {
            good.replacingOccurrences(of: #""m":1"#, with: #""m":[\#(many(count) { "\($0)" })]"#)
        }
        #expect(fault(values(100)) == nil && fault(values(101)) == .tooManyValues)
        func long(_ name: String, _ count: Int) -> String {
            good.replacingOccurrences(of: #""\#(name)""#, with: #""\#(String(repeating: "ü", count: count))""#)
        }
        #expect(fault(long("d", 250)) == nil && fault(long("d", 251)) == .dimensionName)
        #expect(fault(long("v", 1_024)) == nil && fault(long("v", 1_025)) == .dimensionValue)
        #expect(fault(long("m", 1_024)) == nil && fault(long("m", 1_025)) == .metricName)
        func namespace(_ count: Int) -> String {
            good.replacingOccurrences(of: "My App/x", with: String(repeating: "n", count: count))
        }
        #expect(fault(namespace(256)) == nil && fault(namespace(257)) == .namespace)
        func sized(_ count: Int) -> String {
            good.replacingOccurrences(
                of: "null", with: "\"\(String(repeating: "x", count: count - good.utf8.count + 2))\"")
        }
        #expect(sized(1_048_550).utf8.count == 1_048_550)
        #expect(fault(sized(1_048_550)) == nil && fault(sized(1_048_551)) == .tooLarge)
        // What is no document is none of any size.
        #expect(fault(String(repeating: "x", count: 1_048_551)) == .notAnObject)
        for (time, expected): (Int64, EMFFault?) in [
            (now - 1_209_600_000, nil), (now - 1_209_600_001, .tooOld), (now + 7_200_000, nil),
            (now + 7_200_001, .tooNew),
        ] {
            #expect(fault(good.replacingOccurrences(of: "\(now)", with: "\(time)")) == expected)
        }
    }

    @Test func everyFaultHasItsOwnWord() {
        #expect(Set(EMFFault.allCases.map(\.explanation)).count == EMFFault.allCases.count)
        #expect(
            EMFFault.allCases.allSatisfy { $0.rawValue.utf8.allSatisfy { $0 == 0x5F || (0x61...0x7A).contains($0) } })
    }

    // MARK: What no document is

    @Test func everyTruncationIsNoObject() {
        let bytes = Array(good.utf8)
        for count in 0..<bytes.count {
            #expect(emfFault(in: Array(bytes[..<count]), at: now) == .notAnObject, "of \(count) bytes")
        }
        #expect(emfFault(in: [0xEF, 0xBB, 0xBF] + bytes, at: now) == .notAnObject)
        #expect(emfFault(in: bytes + bytes, at: now) == .notAnObject)
    }

    @Test func randomBytesGiveAFaultOrNone() {
        var random = SeededRandom()
        let bytes = Array(good.utf8)
        for _ in 0..<5_000 {
            var text = bytes
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                text[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(in: 0 ... .max, using: &random)
            }
            _ = emfFault(in: text, at: now)
        }
        for _ in 0..<500 {
            let noise = (0..<Int.random(in: 0...300, using: &random)).map { _ in
                UInt8.random(in: 0 ... .max, using: &random)
            }
            #expect(emfFault(in: noise, at: now) == .notAnObject, "seed \(SeededRandom.seed): \(noise)")
        }
    }

    /// The same members named again and again must not take time for each pair.
    @Test func aHostileDocumentIsCheap() {
        let members = many(20_000) { #""member-number-\#($0)":\#($0)"# }
        let names = many(100) { #"{"Name":"member-number-\#(19_900 + $0)"}"# }
        let directives = many(100) { _ in #"{"Namespace":"n","Dimensions":[[]],"Metrics":[\#(names)]}"# }
        let text = #"{"_aws":{"Timestamp":\#(now),"CloudWatchMetrics":[\#(directives)]},\#(members)}"#
        let start = ContinuousClock.now
        #expect(fault(text) == nil)
        #expect(ContinuousClock.now - start < .seconds(20))
    }
}
