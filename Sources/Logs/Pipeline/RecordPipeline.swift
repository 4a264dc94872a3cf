// What happens to records between an input and an output, one stage after another, in the order of this file. Pure: the
// time comes in, records come out.

internal import Bytes
package import Platform

/// What a stage says of a record.
enum StageVerdict: Equatable {
    case pass
    /// The record is left out and counted under this reason.
    case drop(RecordPipeline.Drop)
}

/// The stages that the settings of one input ask for. It belongs to one route.
package struct RecordPipeline {
    /// Why records were left out on purpose, as it stands in the metrics.
    package enum Drop: String, CaseIterable, Sendable {
        case filter
        case sample
        case rateLimit = "rate_limit"
    }

    /// What stages met; it loses nothing.
    package enum Event: String, CaseIterable, Sendable {
        /// A pattern needed more steps than its limit: it was taken as not matching for `exclude`, as matching for
        /// `include`.
        case patternGaveUp = "pattern_gave_up"
        /// A line was not of the container format that was set, and passed whole.
        case formatFailed = "format_failed"
        /// Pieces of a container's line that came to the limit, or of which the next one did not come.
        case containerLineLimit = "container_line_limit"
        case containerLineTimeout = "container_line_timeout"
        /// Records of several lines that went on as they were, at a limit of `multiline`.
        case multilineLines = "multiline_lines_limit"
        case multilineBytes = "multiline_bytes_limit"
        case multilineTimeout = "multiline_timeout"
        /// So much was held back that the oldest of it went on as it was.
        case heldLimit = "held_limit"
        /// A message was none of the format that `parse` names, and passed as it is.
        case parseFailed = "parse_failed"
        /// A time was missing or could not be read: the record has the time at which it was read.
        case timeUnreadable = "time_unreadable"
        /// A message had more fields, or longer names, than the limits allow: the others are in its text alone.
        case fieldsCut = "fields_cut"
        /// Secrets that were hidden.
        case redacted
        /// Texts that were withheld, since a redaction could not search them to their end.
        case redactionGaveUp = "redaction_gave_up"
        /// Records that shared a bucket, since `rate_limit` has no more for values of its field.
        case rateLimitKeysFull = "rate_limit_keys_full"
        /// Records that a histogram has no number of.
        case metricValueUnreadable = "metric_value_unreadable"
        /// Records that were counted under the label value "other".
        case metricSeriesFull = "metric_series_full"
        /// Documents whose `_aws.Timestamp` is missing, or none that the service takes: they have the time at which
        /// they were read.
        case documentTime = "document_time"
        /// Documents that name a group that is not in `log_groups`: they go where the output's settings say.
        case documentGroup = "log_group_not_allowed"
        /// A document named a group or a stream that is too long: it is ignored.
        case documentName = "log_name_too_long"
    }

    package var assembly: RecordAssembly?
    package var parsing: RecordParsing?
    package var filters: [RecordFilter] = []
    package var metrics: [LogMetric] = []
    /// Lines that are documents with metrics go as they are.
    package var recognisesDocuments = true
    package var documents = DocumentRules()

    private var dropped: [Drop: UInt64] = [:]
    var events: [Event: UInt64] = [:]

    var draft = RecordDraft()
    private var members: [JSONMember] = []
    /// The input's fields of the last record, and the same in the batch that is being filled.
    private var carried: (input: Range<UInt32>, batch: Range<UInt32>)?

    package init() {}

    /// Nothing to do: the input may read into the batch itself.
    package var isEmpty: Bool { assembly == nil && parsing == nil && filters.isEmpty && metrics.isEmpty }

    /// When something that is held back is due; nil when nothing is.
    package var deadline: Instant? { assembly?.deadline }

    /// The same for records that came into `batch` without a pipeline, from number `first` on.
    package mutating func recogniseDocuments(in batch: inout LogBatch, from first: Int, at now: Moment) {
        guard recognisesDocuments else { return }
        batch.recogniseDocuments(from: first, at: now.unixNanoseconds, &documents, &members)
    }

    /// Takes records of `input` from the one at `first` on, until there are no more or `batch` is full; `first` is then
    /// the next one.
    package mutating func process(
        _ input: LogBatch, from first: inout Int, into batch: inout LogBatch, at now: Moment
    ) {
        carried = nil
        forgetInput()
        if assembly != nil { return assemble(input, from: &first, into: &batch, at: now) }
        while first < input.records.count, !batch.isFull {
            let record = input.records[first]
            // Of a text that is parsed, the fields are added to it.
            guard batch.takes(Int(record.text.count) * (parsing == nil ? 1 : 2)) else { return }
            first += 1
            draft.begin(record, of: input)
            finish(input, into: &batch, at: now)
        }
    }

    /// Gives what was held back for more and is due.
    package mutating func flush(into batch: inout LogBatch, at now: Moment) {
        carried = nil
        forgetInput()
        while !batch.isFull {
            if takeAssembled(into: &batch, at: now) { continue }
            guard !batch.isFull, assembly?.release(at: now.monotonic, &events) == true else { return }
        }
    }

    package var dropCounts: [(reason: Drop, count: UInt64)] {
        Drop.allCases.compactMap { reason in dropped[reason].map { (reason, $0) } }
    }

    package var eventCounts: [(event: Event, count: UInt64)] {
        Event.allCases.compactMap { event in
            switch event {
            case .documentTime: documents.timesRefused > 0 ? (event, documents.timesRefused) : nil
            case .documentGroup: documents.groupsRefused > 0 ? (event, documents.groupsRefused) : nil
            case .documentName: documents.namesTooLong > 0 ? (event, documents.namesTooLong) : nil
            default: events[event].map { (event, $0) }
            }
        }
    }

    /// Lets go of what a large record has left.
    package mutating func letGo() {
        draft = RecordDraft()
        assembly?.letGo()
    }

    /// The stages that make records of lines. Of one line may come none, or several.
    private mutating func assemble(
        _ input: LogBatch, from first: inout Int, into batch: inout LogBatch, at now: Moment
    ) {
        assembly?.beginInput(recognisingDocuments: recognisesDocuments)
        while !batch.isFull {
            if takeAssembled(into: &batch, at: now) { continue }
            guard !batch.isFull, first < input.records.count else { return }
            assembly?.take(input.records[first], of: input, at: now.monotonic, &events)
            first += 1
        }
    }

    private mutating func takeAssembled(into batch: inout LogBatch, at now: Moment) -> Bool {
        guard let count = assembly?.nextByteCount, batch.takes(count * (parsing == nil ? 1 : 2)) else { return false }
        guard assembly?.next(&draft) == true, let fields = assembly?.fields else { return false }
        finish(fields, into: &batch, at: now)
        return true
    }

    /// The stages that look at one whole record.
    private mutating func finish(_ input: LogBatch, into batch: inout LogBatch, at now: Moment) {
        // A document of the input's own making is nobody's text: it goes as it is. One that a program has written is
        // not taken apart; what the settings leave out or hide, they do there as well.
        if !draft.isDocument {
            if recognisesDocuments { draft.recogniseDocument(at: now.unixNanoseconds, &documents, &members) }
            if !draft.isDocument { parsing?.apply(&draft, of: input, now: now.unixNanoseconds, &events) }
            if let reason = filter(input, at: now.monotonic) {
                dropped[reason, default: 0] += 1
                batch.skip(to: draft.next)
                return skipRotated(in: &batch)
            }
        }
        add(input, to: &batch)
        skipRotated(in: &batch)
    }

    /// The sources in which the record began go on with it.
    private func skipRotated(in batch: inout LogBatch) {
        for next in draft.rotatedNext { batch.skip(to: next) }
    }

    private mutating func add(_ input: LogBatch, to batch: inout LogBatch) {
        let shared = carry(draft.inputFields, of: input, to: &batch)
        guard draft.fields.isEmpty else { return batch.append(draft, shared: shared) }
        batch.append(
            draft.bytes, draft.text, fields: shared, at: draft.unixNanoseconds, next: draft.next,
            isDocument: draft.isDocument, claimsSource: draft.claimsSource, isCut: draft.isCut,
            hasOwnTime: draft.hasOwnTime)
    }

    /// The fields that the input gave, in the batch: most records share them with the one before.
    private mutating func carry(
        _ range: Range<UInt32>, of input: LogBatch, to batch: inout LogBatch
    ) -> Range<UInt32> {
        if let carried, carried.input == range { return carried.batch }
        let start = batch.nextField
        for field in input.fields[Int(range.lowerBound)..<Int(range.upperBound)] {
            _ = batch.addField(
                named: field.name.range, field.value.range, isNumber: field.isNumber, of: input.bytes)
        }
        let made = start..<batch.nextField
        carried = (range, made)
        return made
    }
}
