// From the sections of the settings to inputs, outputs and routes.

internal import Bytes
package import Delivery
package import Durable
package import Inputs
internal import Logs
package import Outputs
package import Platform
package import Settings

/// Makes inputs and outputs from their settings: for the routes of a running agent, and for `vitals check`.
package struct Plugins: Sendable {
    private let inputTypes: [any Input.Type]
    private let outputTypes: [any Output.Type]
    let settings: AgentSettings
    private let hostName: String
    private let log: AgentLog

    package init(_ parts: Parts, settings: AgentSettings, hostName: String, log: AgentLog) {
        inputTypes = parts.inputs
        outputTypes = parts.outputs
        self.settings = settings
        self.hostName = hostName
        self.log = log
    }

    package func makeInput(
        _ plugin: PluginSettings, resume: CursorReplay?, now: Moment, spoolDirectory: String? = nil,
        shares: InputShares = InputShares(), readBytes: Int = .max
    ) throws(SettingsError) -> any Input {
        guard let type = inputTypes.first(where: { $0.type == plugin.type }) else { bug("no input \(plugin.type)") }
        var section = plugin.section
        let context = InputContext(
            name: plugin.name, host: settings.host, hostName: hostName, log: log, resume: resume, now: now,
            spoolDirectory: spoolDirectory, shares: shares, readBytes: readBytes)
        // The section has keys of both.
        if !type.givesDocuments { _ = try makePipeline(plugin, &section) }
        let input = try type.init(&section, context)
        try section.finish()
        return input
    }

    /// What the same section asks of the input's records; without its metrics unless it `counts`.
    func makePipeline(
        _ plugin: PluginSettings, counts: Bool = true
    ) throws(SettingsError) -> sending RecordPipeline {
        guard let type = inputTypes.first(where: { $0.type == plugin.type }), !type.givesDocuments else {
            return RecordPipeline()
        }
        var section = plugin.section
        var pipeline = try makePipeline(plugin, &section)
        if !counts { pipeline.metrics = [] }
        return pipeline
    }

    private func makePipeline(
        _ plugin: PluginSettings, _ section: inout SettingsSection
    ) throws(SettingsError) -> sending RecordPipeline {
        // What the log says never takes a name that the input gives its records, also where one of them has no such
        // field.
        let names = inputTypes.first { $0.type == plugin.type }?.fieldNames ?? []
        return try RecordPipeline(&section, reserving: plugin.fields.map(\.name) + names)
    }

    /// How records of `input` that `output` gives up are kept: as they were to be sent.
    private func recordJSON(_ input: PluginSettings, _ output: PluginSettings) -> RecordJSON {
        guard let type = outputTypes.first(where: { $0.type == output.type }) else { bug("no output \(output.type)") }
        return RecordJSON(context(for: input), enclosesClaims: type.enclosesClaims)
    }

    /// For the records of `input`.
    package func makeOutput(
        _ plugin: PluginSettings, for input: PluginSettings?
    ) throws(SettingsError) -> (output: any Output, options: RouteOptions) {
        guard let type = outputTypes.first(where: { $0.type == plugin.type }) else { bug("no output \(plugin.type)") }
        var section = plugin.section
        let options = try RouteOptions(&section, type.batchDefaults)
        let output = try type.init(&section, context(for: input))
        try section.finish()
        return (output, options)
    }

    private func context(for input: PluginSettings?) -> OutputContext {
        OutputContext(inputName: input?.name ?? "", fields: input?.fields ?? [], hostName: hostName, log: log)
    }

    /// Makes everything once, in the order of the settings, also what is in no route: what is wrong is said before
    /// anything starts.
    package func makeAll(
        now: Moment
    ) throws(SettingsError) -> (inputs: [any Input], outputs: [any Output], feedback: [Feedback]) {
        var inputs: [any Input] = []
        for input in settings.inputs { inputs.append(try makeInput(input, resume: nil, now: now)) }
        var outputs: [any Output] = []
        for output in settings.outputs { outputs.append(try makeOutput(output, for: settings.inputs.first).output) }
        try refuseUnlikeMetrics()
        let feedback = findFeedback(settings, inputs, outputs)
        try refuseLoops(feedback, settings.routes)
        try refuseRemovals(inputs)
        try refuseSharedAddresses(inputs)
        try refuseUnlikeClaims(outputs)
        _ = try memoryPlan()
        return (inputs, outputs, feedback)
    }

    /// How each route would batch if there were no limit for all of them, in the order of the settings.
    func askedOptions() throws(SettingsError) -> [RouteOptions] {
        var asked: [RouteOptions] = []
        for route in settings.routes {
            guard let from = settings.inputs.first(where: { $0.name == route.from }),
                let to = settings.outputs.first(where: { $0.name == route.to }),
                let inputType = inputTypes.first(where: { $0.type == from.type }),
                let outputType = outputTypes.first(where: { $0.type == to.type })
            else { bug("a route without its ends") }
            var (input, output) = (from.section, to.section)
            var options = try RouteOptions(&output, outputType.batchDefaults)
            let pipeline = try makePipeline(from)
            options.hasStages = !pipeline.isEmpty
            options.recordBytes = max(try inputType.recordByteLimit(&input), pipeline.assembly?.recordByteLimit ?? 0)
            options.heldBytes = pipeline.assembly?.heldBytesLeast ?? 0
            options.mayPassLimit = !inputType.asksForRoom
            asked.append(options)
        }
        return asked
    }

    /// How each route batches, within the memory that there is for all of them.
    func memoryPlan() throws(SettingsError) -> MemoryPlan {
        let asked = try askedOptions()
        if let plan = RouteOptions.plan(settings.memoryLimit, for: asked) { return plan }
        let least = sizeText(roundedUp(RouteOptions.leastMemory(of: asked), to: 1 << 20))
        let largest = sizeText(asked.map(\.recordBytes).max() ?? 0)
        throw settings.memoryError(
            "\(sizeText(settings.memoryLimit)) is too little for \(asked.count) "
                + "\(asked.count == 1 ? "route" : "routes") with records of up to \(largest): expected \(least) or more"
        )
    }

    /// Each route reads for itself: what one has acknowledged, another may still have to read.
    private func refuseRemovals(_ inputs: [any Input]) throws(SettingsError) {
        for (plugin, input) in zip(settings.inputs, inputs) where input.removesFiles {
            let routes = settings.routes.filter { $0.from == plugin.name }
            guard routes.count > 1 else { continue }
            throw routes[1].error(
                "input \(plugin.name) has \"remove_after\": its files may be removed before this route has read them, "
                    + "so it can have one route only")
        }
    }

    package func validate(now: Moment) throws(SettingsError) { _ = try makeAll(now: now) }

    /// The routes, each with its own input, output and cursor. Starts none of them.
    package func makeRoutes(now: Moment) throws(SettingsError) -> [Route] {
        var stores: [String: RejectedStore] = [:]
        var routes: [Route] = []
        var counted: Set<String> = []
        let shares = InputShares()
        let plan = try memoryPlan()
        let reserve = SharedReserve(bytes: plan.reserveBytes)
        for (route, options) in zip(settings.routes, plan.routes) {
            guard let from = settings.inputs.first(where: { $0.name == route.from }),
                let to = settings.outputs.first(where: { $0.name == route.to })
            else { bug("a route without its ends") }
            var cursors = CursorLog(
                stateDirectory: settings.stateDirectory, input: from.name, output: to.name, disk: HostCursorDisk(),
                log: log)
            let spool = spoolDirectory(stateDirectory: settings.stateDirectory, input: from.name, output: to.name)
            let input = try makeInput(
                from, resume: cursors.load(), now: now, spoolDirectory: spool, shares: shares,
                readBytes: options.batchBytes)
            // What an input feeds twice is not to be counted twice.
            var pipeline = try makePipeline(from, counts: counted.insert(from.name).inserted)
            pipeline.assembly?.heldByteLimit = options.heldBytes
            let output = try makeOutput(to, for: from).output
            let rejected =
                stores[to.name]
                ?? RejectedStore(stateDirectory: settings.stateDirectory, output: to.name, limits: options.rejected)
            stores[to.name] = rejected
            let status = RouteStatus(input: from.name, inputType: from.type, output: to.name, outputType: to.type)
            routes.append(
                Route(
                    input: input, pipeline: pipeline, output: output, status: status, options: options,
                    cursors: cursors, rejected: rejected, json: recordJSON(from, to),
                    account: ReserveAccount(
                        reserve, number: routes.count,
                        output: settings.outputs.firstIndex { $0.name == to.name } ?? 0,
                        directory: "\(settings.stateDirectory)/parked"),
                    log: log))
        }
        return routes
    }
}

private func roundedUp(_ bytes: Int, to unit: Int) -> Int { (bytes + unit - 1) / unit * unit }
