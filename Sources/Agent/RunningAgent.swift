// The running agent: starts everything from its settings, keeps the service manager informed, and stops in order.
//
// The start: settings of everything are checked, the state directory is locked, the endpoint listens, the inputs
// that others send to can be reached, the routes start.
// The stop: routes read no more and deliver what they have, as long as `drain_timeout` allows, their cursors are saved,
// and the endpoint, which says meanwhile how far that is, closes last.

internal import CLinux
package import Collectors
internal import Delivery
package import Inputs
internal import Metrics
package import Outputs
package import Platform
internal import Settings
internal import Synchronization

/// Which collectors, inputs and outputs the agent is built with.
package struct Parts: Sendable {
    package let collectors: [any Collector.Type]
    package let inputs: [any Input.Type]
    package let outputs: [any Output.Type]

    package init(collectors: [any Collector.Type], inputs: [any Input.Type], outputs: [any Output.Type]) {
        self.collectors = collectors
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Everything there is.
    package static let all = Parts(collectors: allCollectors, inputs: allInputs, outputs: allOutputs)

    package var known: KnownTypes { KnownTypes(inputs: inputs.map { $0.type }, outputs: outputs.map { $0.type }) }
}

package final class RunningAgent: Sendable {
    /// How long a route may be at one step before it is said to hang: above the longest time-out that an output can be
    /// given, an hour.
    private static let routePatience: Duration = .seconds(4_000)
    /// How long the workers of the scrape and of the server may take to say that they are there. Scrapes have deadlines
    /// of seconds, and the server never waits.
    private static let workerPatience: Duration = .seconds(60)
    /// How often messages that were folded into one are counted out, at the latest.
    private static let logFlushInterval: Duration = .seconds(30)
    /// How often rejected records are looked at, which are kept for days.
    private static let rejectedInterval: Duration = .seconds(6 * 3_600)

    /// How much longer than the routes' own limit the stop may take, and how long one that was asked for twice: after
    /// that the process ends as it is.
    private static let stopGrace: Duration = .seconds(3)
    private static let secondStopGrace: Duration = .seconds(1)

    private struct Control {
        var watches: [Watch] = []
        /// Of the state directory, until the agent has stopped.
        var lock: StateLock?
        /// When workers were asked whether they are there; those that have answered are not in it.
        var asked: [String: Instant] = [:]
        /// What `STATUS=` said last.
        var toldHealth: String?
        var openRoutes = 0
    }

    package let scraper: Scraper
    private let settings: AgentSettings
    private let hostName: String
    private let startedAt: Moment
    private let warnings: [String]
    private let log: AgentLog
    private let notifier: ServiceNotifier
    private let routes: [Route]
    private let endpoint: Endpoint?
    private let state: StateBox
    private let control: Worker<Control>
    private let problems = AgentProblems()
    private let status: StatusSource
    private let ended = Latch<Int32>()
    /// Readable when the agent has ended.
    private let end: WakeSignal
    /// Signals that were taken, and are to be heeded by the worker of the agent.
    private let taken = Mutex<[AgentSignal]>([])
    private let hasTaken: WakeSignal

    /// Makes everything and starts nothing. Takes the lock of the state directory when there are routes, which alone
    /// need it.
    package init(
        _ settings: AgentSettings, parts: Parts, notifier: ServiceNotifier, log: AgentLog
    ) throws(StartError) {
        let now = Moment.now
        let hostName = systemHostName()
        let state = StateBox()
        let plugins = Plugins(parts, settings: settings, hostName: hostName, log: log)
        do throws(SettingsError) {
            var section = settings.collectors
            scraper = try Scraper(&section, host: settings.host, collectors: parts.collectors, log: log)
            try plugins.validate(now: now)
        } catch {
            throw .settings(error)
        }
        // Before a cursor is read, and after all that can be wrong in the settings.
        let lock = try settings.routes.isEmpty ? nil : StateLock(settings.stateDirectory)
        control = Worker("agent", Control(lock: lock))
        do throws(Errno) { (end, hasTaken) = (try WakeSignal(), try WakeSignal()) } catch {
            throw .world("cannot open a descriptor: \(error)")
        }
        let warnings = settings.warnings + leftBehind(settings)
        let plan: ThreadPlan
        do throws(SettingsError) {
            plan = ThreadPlan(routes: try plugins.askedOptions().map(\.threadCount), extra: settings.extraThreads)
        } catch {
            throw .settings(error)
        }
        problems.set("threads", try arrangeThreads(plan, log).map { [$0] } ?? [])
        do throws(SettingsError) {
            let routes = try plugins.makeRoutes(now: now)
            let status = StatusSource(
                settings: settings, hostName: hostName, startedAt: now, warnings: warnings, problems: problems,
                routes: routes, scraper: scraper, state: state)
            endpoint = try Self.makeEndpoint(settings, scraper: scraper, routes: routes, status: status, log: log)
            self.routes = routes
            self.status = status
        } catch {
            throw .settings(error)
        }
        self.settings = settings
        self.warnings = warnings
        self.hostName = hostName
        self.state = state
        self.notifier = notifier
        self.log = log
        startedAt = now
    }

    private static func makeEndpoint(
        _ settings: AgentSettings, scraper: Scraper, routes: [Route], status: StatusSource, log: AgentLog
    ) throws(SettingsError) -> Endpoint? {
        guard var section = settings.endpoint else { return nil }
        let logMetrics = LogMetricExposition()
        let endpoint = try Endpoint(
            &section, scraper: scraper,
            selfMetrics: { snapshot in
                let statuses = routes.map(\.status)
                SelfMetrics.add(statuses, to: &snapshot)
                SelfMetrics.add(memoryLimit: settings.memoryLimit, to: &snapshot)
                logMetrics.add(statuses, to: &snapshot)
                SelfMetrics.add(log, to: &snapshot)
            },
            status: { status.current.json() }, isReady: { status.isReady }, hostName: status.hostName, log: log)
        return endpoint
    }

    // MARK: Start

    /// Starts everything.
    package func start() throws(StartError) {
        if let endpoint {
            let tell: @Sendable () -> Void = { [weak self] in self?.noteEndpoint() }
            do throws(EndpointError) { try endpoint.start(isAlone: routes.isEmpty, onChange: tell) } catch {
                throw .world(error.description)
            }
            noteEndpoint()
        }
        for warning in warnings { log.warning(warning) }
        // Who is told that we are ready may send.
        for route in routes { route.open() }
        for route in routes { route.start() }
        state.set(.running)
        // Nothing was looked at yet: what routes miss is said a moment later.
        let summary = summary(problems.all.first)
        log.info("ready", ["version": vitalsVersion, "routes": "\(routes.count)", "status": summary])
        notifier.ready(status: summary)
        control.run { control in
            control.watches.append(
                self.control.whenReadable(self.hasTaken.descriptor) { control in
                    self.hasTaken.clear()
                    for signal in self.taken.withLock({ taken in
                        defer { taken = [] }; return taken
                    }) {
                        self.heed(signal, &control)
                    }
                })
            // A good part of what is resident by now was used once: by the loader, and for the settings.
            linux_release_memory()
            control.watches.append(self.control.every(Self.logFlushInterval) { _ in self.log.flush() })
            for route in self.routes { route.removeOldRejects() }
            control.watches.append(
                self.control.every(Self.rejectedInterval) { _ in for route in self.routes { route.removeOldRejects() } }
            )
            control.watches.append(
                self.control.every(StateLock.interval) { control in
                    self.checkLock(&control)
                    self.tellHealth(&control)
                })
            if let interval = self.notifier.watchdogInterval {
                control.watches.append(self.control.every(interval) { self.feedWatchdog(&$0) })
            }
        }
    }

    /// `systemctl status` shows the worst that is wrong.
    private func tellHealth(_ control: inout Control) {
        guard state.value == .running else { return }
        let worst = status.current.worst
        guard worst != control.toldHealth else { return }
        control.toldHealth = worst
        notifier.status(summary(worst))
    }

    /// Somebody may have removed the state directory.
    private func checkLock(_ control: inout Control) {
        let finding = control.lock?.check() ?? .held
        switch finding {
        case .held: problems.set("state directory", [])
        case .madeAgain:
            problems.set("state directory", [])
            log.warning(
                "the state directory was removed, or its lock; both are made again, and cursors are saved there as "
                    + "they change",
                ["path": settings.stateDirectory])
        case .lost(let reason):
            log.error(
                "the state directory is lost, and cannot be made again; what is delivered now is sent again after a "
                    + "restart",
                ["reason": reason])
            problems.set("state directory", ["the state directory is lost: \(reason)"])
        }
    }

    private func noteEndpoint() {
        guard let endpoint else { return }
        problems.set("endpoint", endpoint.problems.map { "endpoint: \($0)" })
        if state.value == .running { notifier.status(summary(problems.all.first)) }
    }

    /// With the ports that the endpoint has, which the settings may have left to the kernel.
    private func summary(_ worst: String?) -> String {
        var place = endpoint.map { $0.addresses.map(\.description).joined(separator: ", ") } ?? "no endpoint"
        if place.isEmpty { place = "listening nowhere" }
        if let worst { place += "; not ok: \(worst)" }
        let enabled = scraper.collectors.count { $0.isEnabled }
        return "\(place); \(counted(enabled, "collector")); \(counted(routes.count, "route"))"
    }

    private func counted(_ count: Int, _ thing: String) -> String { "\(count) \(thing)\(count == 1 ? "" : "s")" }

    /// Blocks until the agent has stopped, and heeds `signals` meanwhile. Returns the exit code.
    ///
    /// It takes them on the calling thread, and never waits for another: whatever hangs, or cannot have a thread, the
    /// process ends when it is told to.
    package func wait(heeding signals: Signals? = nil) -> Int32 {
        guard let signals else { return ended.wait() }
        var leaveAt: Instant?
        while true {
            signals.wait(or: end, until: leaveAt)
            if let code = ended.wait(atMost: .zero) { return code }
            while let signal = signals.next() {
                taken.withLock { $0.append(signal) }
                hasTaken.signal()
                guard signal == .stop else { continue }
                leaveAt = .now + (leaveAt == nil ? settings.drainTimeout + Self.stopGrace : Self.secondStopGrace)
            }
            if let leaveAt, Instant.now >= leaveAt {
                log.error("the stop takes too long, and is given up; what was not acknowledged is sent again")
                return 1
            }
        }
    }

    // MARK: Signals and watchdog

    private func heed(_ signal: AgentSignal, _ control: inout Control) {
        switch signal {
        case .hangUp: log.info("SIGHUP is ignored: settings are read at the start")
        case .stop:
            if state.value == .stopping {
                log.warning("stopped at once, by a second signal; what was not acknowledged is sent again")
                finish(1, &control)
            } else {
                stop(&control)
            }
        }
    }

    private func feedWatchdog(_ control: inout Control) {
        let now = Instant.now
        var late = hanging(
            routes.map { route in (route.status.input + " to " + route.status.output, route.lastProgress) },
            patience: Self.routePatience, at: now)
        ask("scrape", &control, at: now) { self.scraper.whenIdle($0) }
        if let endpoint { ask("http server", &control, at: now) { endpoint.whenIdle($0) } }
        let asked = control.asked.map { (name: $0.key, since: $0.value) }.sorted { $0.name < $1.name }
        late += hanging(asked, patience: Self.workerPatience, at: now)
        guard late.isEmpty else {
            log.error("the watchdog is not fed: something hangs", ["what": late.joined(separator: ", ")])
            return
        }
        notifier.watchdog()
    }

    /// Unless it has been asked, and has not answered.
    private func ask(
        _ name: String, _ control: inout Control, at now: Instant,
        _ whenIdle: (@escaping @Sendable () -> Void) -> Void
    ) {
        guard control.asked[name] == nil else { return }
        control.asked[name] = now
        whenIdle { self.control.run { $0.asked[name] = nil } }
    }

    // MARK: Stop

    /// As SIGTERM does.
    package func stop() { control.run { if self.state.value != .stopping { self.stop(&$0) } } }

    private func stop(_ control: inout Control) {
        state.set(.stopping)
        notifier.stopping(status: "delivering what is under way")
        log.info("stopping", ["drain_timeout": durationText(settings.drainTimeout)])
        control.openRoutes = routes.count
        guard !routes.isEmpty else { return finish(0, &control) }
        let drainUntil = Instant.now + settings.drainTimeout
        for route in routes {
            route.stop(drainUntil: drainUntil) {
                self.control.run { control in
                    control.openRoutes -= 1
                    if control.openRoutes == 0 { self.finish(0, &control) }
                }
            }
        }
    }

    private func finish(_ code: Int32, _ control: inout Control) {
        endpoint?.stop()
        for route in routes {
            let status = route.status
            let left = status.recordsRead - min(status.recordsRead, status.recordsAcknowledged + status.recordsRejected)
            guard left > 0 else { continue }
            log.info(
                "stopped with records that are not acknowledged; what is still there is read again at the next start",
                ["input": status.input, "output": status.output, "records": "\(left)"])
        }
        log.flush(everything: true)
        log.info("stopped")
        control.watches = []
        control.lock = nil
        ended.open(code)
        end.signal()
    }
}

/// What the agent is doing, for whoever asks from whatever thread.
final class StateBox: Sendable {
    private let state = Mutex(AgentStatus.State.starting)

    var value: AgentStatus.State { state.withLock { $0 } }
    func set(_ value: AgentStatus.State) { state.withLock { $0 = value } }
}

/// What is wrong now with the agent itself, by who says so.
final class AgentProblems: Sendable {
    private let problems = Mutex<[(source: String, texts: [String])]>([])

    var all: [String] { problems.withLock { $0.flatMap(\.texts) } }

    func set(_ source: String, _ texts: [String]) {
        problems.withLock { problems in
            problems.removeAll { $0.source == source }
            problems.append((source, texts))
        }
    }
}

/// Answers `/api/v1/status` without the agent itself, which owns the endpoint that asks.
private struct StatusSource: Sendable {
    let settings: AgentSettings
    let hostName: String
    let startedAt: Moment
    let warnings: [String]
    let problems: AgentProblems
    let routes: [Route]
    let scraper: Scraper
    let state: StateBox

    var isReady: Bool { state.value == .running }

    var current: AgentStatus {
        AgentStatus(
            version: vitalsVersion, hostName: hostName, processID: processID,
            startedUnixNanoseconds: startedAt.unixNanoseconds, nowUnixNanoseconds: Moment.now.unixNanoseconds,
            state: state.value, stateDirectory: settings.stateDirectory, warnings: warnings,
            problems: problems.all, routes: routes.map(\.status), collectors: scraper.collectors)
    }
}

/// As uname(2) says it, which does not fail on Linux.
package func systemHostName() -> String {
    do throws(Errno) { return try SystemName.current().nodename } catch { return "localhost" }
}
