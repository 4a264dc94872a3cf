// `vitals replay`

internal import Agent
internal import Bytes
internal import Platform

func replay(_ arguments: CommandLineArguments) -> Int32 {
    let reports: [ReplayReport]
    do throws(StartError) {
        let settings = try loadAgentSettings(arguments)
        let log = AgentLog(level: .warning, underSystemd: false)
        reports = try replayRejected(settings, parts: .all, outputs: arguments.outputs, log: log)
    } catch {
        complain(error)
        return 1
    }
    var text = ""
    var isWell = true
    for report in reports {
        text += "\(String(printable: report.output)): \(report.takenCount) sent"
        if report.refusedCount > 0 { text += ", \(report.refusedCount) refused again" }
        if report.heldCount > 0 { text += ", \(report.heldCount) left untried: the receiver refuses everything" }
        if report.strangeCount > 0 { text += ", \(report.strangeCount) not understood, or of an input that is gone" }
        text += "\n"
        for problem in report.problems { complain(problem) }
        isWell = isWell && report.problems.isEmpty && report.refusedCount == 0 && report.strangeCount == 0
    }
    let shown = show(text)
    return isWell ? shown : 1
}
