// `vitals cursors`

internal import Agent
internal import Platform
internal import Settings

func cursors(_ arguments: CommandLineArguments) -> Int32 {
    do throws(StartError) {
        // The directory alone is enough: cursors can be looked at when the settings are broken.
        let directory: String
        if let named = arguments.stateDirectory {
            directory = absoluteStateDirectory(named)
        } else {
            directory = try loadAgentSettings(arguments, processVariables.keepingUnknown).stateDirectory
        }
        do throws(Errno) {
            let code: Int32
            let problems: [String]
            if arguments.isJSON {
                let list = try cursorJSON(stateDirectory: directory)
                (code, problems) = (show(list.text), list.problems)
            } else {
                let list = try cursorTable(stateDirectory: directory)
                (code, problems) = (show(list.text), list.problems)
            }
            for problem in problems { complain(problem) }
            return problems.isEmpty ? code : 1
        } catch {
            throw .world("cannot read the state directory \(directory): \(error)")
        }
    } catch {
        complain(error)
        return 1
    }
}
