// The stages that decide on a whole record, in the order of the settings, and the metrics behind them.

internal import Platform

extension RecordPipeline {
    /// Records of another batch come.
    func forgetInput() {
        for case .redact(let redaction) in filters { redaction.forgetInput() }
    }

    /// Why the record is left out; nil when it is to be sent.
    ///
    /// Metrics count what `include` and `exclude` let pass, with its secrets hidden. What `sample` and `rate_limit`
    /// leave out is counted too: else the numbers would say less the more there is to say.
    mutating func filter(_ input: borrowing LogBatch, at now: Instant) -> Drop? {
        var thinned: Drop?
        for index in filters.indices {
            if thinned != nil, filters[index].isThinning { continue }
            guard case .drop(let reason) = filters[index].judge(&draft, of: input, at: now, &events) else { continue }
            guard filters[index].isThinning, !metrics.isEmpty else { return thinned ?? reason }
            thinned = reason
        }
        for index in metrics.indices { metrics[index].observe(draft, of: input, &events) }
        return thinned
    }
}
