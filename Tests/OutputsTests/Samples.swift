// What the tests of all outputs begin with.

import HTTP
import Logs
import Outputs
import Platform
import Testing

func context(
    fields: [(name: String, value: String)] = [], input: String = "syslog", host: String = "web1",
    log: AgentLog = .silent
) -> OutputContext {
    OutputContext(inputName: input, fields: fields, hostName: host, log: log)
}

/// 2026-11-21T02:38:30.123456789Z
let someTime: Int64 = 1_795_228_710_123_456_789

/// Records of one file, numbered from 0.
func batch(_ texts: [String], at unixNanoseconds: Int64 = someTime) -> LogBatch {
    batch(texts.map { Array($0.utf8) }, at: unixNanoseconds)
}

func batch(_ texts: [[UInt8]], at unixNanoseconds: Int64 = someTime) -> LogBatch {
    var batch = LogBatch()
    let file = batch.addField("file", Array("/var/log/syslog".utf8))
    for (index, text) in texts.enumerated() {
        batch.append(
            text, 0..<text.count, fields: file..<file + 1, at: unixNanoseconds,
            next: Position(source: 1, offset: UInt64(index + 1)))
    }
    return batch
}

extension Output {
    /// To the one place that there is, and all of it is taken.
    mutating func deliver(_ body: [UInt8], recordCount: Int) throws(DeliveryError) {
        let outcome = try deliver(body, recordCount: recordCount, to: Destination())
        #expect(outcome == .accepted)
    }
}

extension HTTPOutput {
    mutating func deliver(_ body: [UInt8], recordCount: Int) throws(DeliveryError) {
        let outcome = try deliver(body, recordCount: recordCount, to: Destination())
        #expect(outcome == .accepted)
    }
}
