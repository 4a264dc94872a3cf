// `vitals check`

internal import Agent
internal import Bytes
internal import Platform
internal import Settings

func check(_ arguments: CommandLineArguments) -> Int32 {
    let findings: CheckFindings
    do throws(StartError) {
        let settings = try loadAgentSettings(arguments)
        let log = AgentLog(level: .warning, underSystemd: false)
        do throws(SettingsError) { findings = try checkAgent(settings, parts: .all, log: log) } catch {
            throw .settings(error)
        }
    } catch {
        complain(error)
        return 1
    }
    var text = ""
    for (kind, line) in findings.lines {
        text += (kind == .problem ? "PROBLEM " : "") + String(printable: line) + "\n"
    }
    let count = findings.problemCount
    text += count == 0 ? "all is well\n" : "\(count) \(count == 1 ? "problem" : "problems")\n"
    let shown = show(text)
    return count == 0 ? shown : 1
}
