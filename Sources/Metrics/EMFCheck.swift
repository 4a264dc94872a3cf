// Whether CloudWatch would take metrics out of a text. It stores what it cannot take as a plain log line and says
// nothing to the sender, so a fault is best found here. What to do with a faulty document is not decided here: the
// service has the last word, and takes more than its specification says.
//
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
// has a JSON schema; it lacks the limits of counts, sizes and times, and that what is named must be there. It also
// lacks what AWS's own OpenTelemetry exporters write, and the service takes: directives without `Dimensions`, and
// statistic sets, `{"Values":[0.4,0.5],"Counts":[1,1],"Count":2,"Sum":0.9,"Max":0.5,"Min":0.4}`, as values. See
// https://github.com/aws-observability/aws-otel-python-instrumentation/pull/434

package import Bytes

/// Why a text is no document with metrics; the raw value is for counts by reason.
package enum EMFFault: String, Error, CaseIterable, Sendable {
    case tooLarge = "too_large"
    /// Not one JSON object, or something before or after it.
    case notAnObject = "not_an_object"
    case noMetadata = "no_metadata"
    case metadata
    case timestamp
    case tooOld = "too_old"
    case tooNew = "too_new"
    case directives
    case namespace
    case dimensions
    case tooManyDimensions = "too_many_dimensions"
    case dimensionName = "dimension_name"
    case dimensionValue = "dimension_value"
    case metrics
    case tooManyMetrics = "too_many_metrics"
    case metricName = "metric_name"
    case unit
    case storageResolution = "storage_resolution"
    case metricValue = "metric_value"
    case tooManyValues = "too_many_values"
    /// No fault of a document that can be read: found by whoever takes it from the network.
    case halfCharacter = "half_character"

    package var explanation: String {
        switch self {
        case .tooLarge: "larger than a log event may be, \(EMFLimit.documentBytes) bytes"
        case .notAnObject: "not one JSON object with nothing around it"
        case .noMetadata: "no member _aws"
        case .metadata: "_aws is no object"
        case .timestamp: "_aws.Timestamp is no whole number"
        case .tooOld: "_aws.Timestamp is more than 14 days ago"
        case .tooNew: "_aws.Timestamp is more than 2 hours ahead"
        case .directives: "_aws.CloudWatchMetrics is no array of objects"
        case .namespace: "Namespace is not 1 to \(EMFLimit.namespace) letters, digits and . _ # : / - or space"
        case .dimensions: "Dimensions is there, and is no array of one or more arrays of names"
        case .tooManyDimensions: "more than \(EMFLimit.dimensions) dimensions in a set"
        case .dimensionName: "the name of a dimension is not 1 to \(EMFLimit.dimensionName) characters long"
        case .dimensionValue:
            "a dimension's member is missing, no text, blank, or longer than \(EMFLimit.dimensionValue) characters"
        case .metrics: "Metrics is no array of objects"
        case .tooManyMetrics: "more than \(EMFLimit.metrics) metrics in a directive"
        case .metricName: "the name of a metric is not 1 to \(EMFLimit.metricName) characters long"
        case .unit: "Unit is none of CloudWatch's units"
        case .storageResolution: "StorageResolution is neither 1 nor 60"
        case .metricValue: "a metric's member is missing, or no number, no array of numbers and no statistic set"
        case .tooManyValues: "more than \(EMFLimit.values) values of a metric"
        case .halfCharacter: "half a surrogate pair (\\ud800 alone) is no character; U+FFFD is sent in its place"
        }
    }
}

extension EMFFault {
    /// Whether the text is no document at all: a line that somebody else sends, or one that was cut off.
    package var isOfNoDocument: Bool { self == .notAnObject || self == .noMetadata }
}

/// What the specification, its JSON schema, and the services behind it allow.
package enum EMFLimit {
    /// Metrics in one directive; of a directive with more, CloudWatch takes none.
    package static let metrics = 100
    /// Values of one metric in one document.
    package static let values = 100
    /// Dimensions in a set.
    package static let dimensions = 30
    package static let dimensionName = 250
    package static let dimensionValue = 1_024
    package static let metricName = 1_024
    /// The schema allows 1 024, Amazon's own libraries and the API of metrics less.
    package static let namespace = 256
    /// A log event is 1 MiB with 26 bytes that the service counts for itself:
    /// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
    package static let documentBytes = (1 << 20) - 26
    /// 2^360: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
    package static let magnitude = 0x1p360
    package static let oldestMilliseconds: Int64 = 14 * 86_400_000
    package static let newestMilliseconds: Int64 = 2 * 3_600_000
}

/// The first fault of a document that is to be sent at `unixMilliseconds`; nil for a good one.
package func emfFault(in bytes: [UInt8], at unixMilliseconds: Int64) -> EMFFault? {
    // The reader of JSON skips a byte order mark; CloudWatch does not.
    guard bytes.first != 0xEF else { return .notAnObject }
    do throws(JSONError) {
        let fault = emfFault(in: try parseJSON(bytes), at: unixMilliseconds)
        if let fault, fault.isOfNoDocument { return fault }
        return bytes.count > EMFLimit.documentBytes ? .tooLarge : fault
    } catch { return .notAnObject }
}

/// The same for a document that was read already; its size is not looked at.
package func emfFault(in document: JSONValue, at unixMilliseconds: Int64) -> EMFFault? {
    do throws(EMFFault) {
        try EMFChecker(document).check(at: unixMilliseconds)
        return nil
    } catch {
        return error
    }
}

private struct EMFChecker {
    /// A document from the network may have many members and name each of them many times.
    private let members: [String: JSONValue.Content]

    init(_ document: JSONValue) throws(EMFFault) {
        guard case .object(let all) = document.content else { throw .notAnObject }
        members = Dictionary(all.map { ($0.key, $0.value.content) }) { first, _ in first }
    }

    func check(at now: Int64) throws(EMFFault) {
        guard let content = members["_aws"] else { throw .noMetadata }
        guard case .object(let metadata) = content else { throw .metadata }
        func member(_ name: String) -> JSONValue? { metadata.first { $0.key == name }?.value }
        guard let time = member("Timestamp")?.wholeNumber else { throw .timestamp }
        guard time >= now - EMFLimit.oldestMilliseconds else { throw .tooOld }
        guard time <= now + EMFLimit.newestMilliseconds else { throw .tooNew }
        guard let directives = member("CloudWatchMetrics")?.array else { throw .directives }
        for directive in directives { try check(directive) }
    }

    private func check(_ directive: JSONValue) throws(EMFFault) {
        guard case .object = directive.content else { throw .directives }
        guard let namespace = directive["Namespace"]?.string, isEMFNamespace(namespace) else { throw .namespace }
        if let dimensions = directive["Dimensions"] { try checkDimensions(dimensions) }
        guard let metrics = directive["Metrics"]?.array else { throw .metrics }
        guard metrics.count <= EMFLimit.metrics else { throw .tooManyMetrics }
        for metric in metrics { try checkMetric(metric) }
    }

    private func checkDimensions(_ dimensions: JSONValue) throws(EMFFault) {
        guard let sets = dimensions.array, !sets.isEmpty else { throw .dimensions }
        for set in sets {
            guard let references = set.array else { throw .dimensions }
            guard references.count <= EMFLimit.dimensions else { throw .tooManyDimensions }
            for reference in references { try checkDimension(reference) }
        }
    }

    private func checkDimension(_ reference: JSONValue) throws(EMFFault) {
        guard let name = reference.string else { throw .dimensions }
        guard (1...EMFLimit.dimensionName).contains(name.unicodeScalars.count) else { throw .dimensionName }
        guard case .string(let value)? = members[name], isEMFDimensionValue(value) else { throw .dimensionValue }
    }

    private func checkMetric(_ metric: JSONValue) throws(EMFFault) {
        guard case .object = metric.content else { throw .metrics }
        guard let name = metric["Name"]?.string, (1...EMFLimit.metricName).contains(name.unicodeScalars.count) else {
            throw .metricName
        }
        if let unit = metric["Unit"] {
            guard let text = unit.string, EMFUnit(rawValue: text) != nil else { throw .unit }
        }
        if let resolution = metric["StorageResolution"] {
            guard let seconds = resolution.wholeNumber, seconds == 1 || seconds == 60 else { throw .storageResolution }
        }
        switch members[name] {
        case .number(let text): guard isValue(text) else { throw .metricValue }
        case .array(let values): try checkNumbers(values)
        case .object(let set): try checkStatistics(set)
        case .null, .bool, .string, nil: throw .metricValue
        }
    }

    private func checkNumbers(_ values: [JSONValue]) throws(EMFFault) {
        guard !values.isEmpty else { throw .metricValue }
        guard values.count <= EMFLimit.values else { throw .tooManyValues }
        for value in values {
            guard case .number(let text) = value.content, isValue(text) else { throw .metricValue }
        }
    }

    /// Sums of what was measured, values with how often each was, or both.
    private func checkStatistics(_ set: [JSONValue.Member]) throws(EMFFault) {
        func member(_ name: String) -> JSONValue? { set.first { $0.key == name }?.value }
        let sums = ["Max", "Min", "Count", "Sum"].map(member)
        for case .some(let sum) in sums {
            guard case .number(let text) = sum.content, isValue(text) else { throw .metricValue }
        }
        guard let values = member("Values") else {
            guard sums.allSatisfy({ $0 != nil }) else { throw .metricValue }
            return
        }
        guard let list = values.array else { throw .metricValue }
        try checkNumbers(list)
        guard let counts = member("Counts") else { return }
        guard let numbers = counts.array, numbers.count == list.count else { throw .metricValue }
        try checkNumbers(numbers)
    }

    private func isValue(_ text: String) -> Bool { (Double(text)?.magnitude ?? .infinity) <= EMFLimit.magnitude }
}

/// What CloudWatch takes for a namespace, its own left out by who writes settings, not here.
package func isEMFNamespace(_ text: String) -> Bool {
    (1...EMFLimit.namespace).contains(text.utf8.count)
        && text.utf8.allSatisfy {
            switch $0 {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): true
            default: " ._#:/-".utf8.contains($0)
            }
        }
}

/// Not blank and not too long.
package func isEMFDimensionValue(_ text: String) -> Bool {
    text.utf8.contains { $0 > UInt8(ascii: " ") } && text.unicodeScalars.count <= EMFLimit.dimensionValue
}

extension JSONValue {
    /// JSON has one kind of number: `1e3` and `1000.0` are whole as well.
    fileprivate var wholeNumber: Int64? {
        guard case .number(let text) = content else { return nil }
        if let whole = Int64(text) { return whole }
        guard let double = Double(text) else { return nil }
        return Int64(exactly: double)
    }
}
