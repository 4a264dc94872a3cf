// Lines of sources that go through a pipeline in pieces, and the records that come out of it.

import Bytes
import Logs
import Platform
import TestSupport
import Testing

struct SourceLine {
    var text: String
    var source: UInt32 = 1
    var file = "/var/log/a.log"
    /// Where it ends in its source.
    var next: UInt64 = 0

    /// One line each; each ends at its number, from 1.
    static func of(_ text: String, source: UInt32 = 1, file: String = "/var/log/a.log") -> [SourceLine] {
        numbered(
            text.split(separator: "\n", omittingEmptySubsequences: false).map {
                SourceLine(text: String($0), source: source, file: file)
            })
    }

    static func numbered(_ lines: [SourceLine]) -> [SourceLine] {
        var last: [UInt32: UInt64] = [:]
        return lines.map { line in
            var line = line
            line.next = last[line.source, default: 0] + 1
            last[line.source] = line.next
            return line
        }
    }
}

struct Assembled: Equatable {
    var source: UInt32
    var text: String
    var next: UInt64
    var unixNanoseconds: Int64
    /// `name=value`, without `file`.
    var fields: [String]
    var file: String
    var isCut: Bool
}

struct AssemblyWorld {
    var pipeline = RecordPipeline()
    var now = Moment(monotonic: Instant(nanoseconds: 1_000), unixNanoseconds: 0)
    private(set) var records: [Assembled] = []
    /// What batches acknowledge besides their records.
    private(set) var skipped: [Position] = []

    init(
        _ rule: MultilineRule? = nil, format: ContainerFormat = .plain, names: Bool = false,
        _ change: (inout RecordAssembly.Multiline) -> Void = { _ in }
    ) {
        var multiline: RecordAssembly.Multiline?
        if let rule {
            var own = RecordAssembly.Multiline(rule)
            change(&own)
            multiline = own
        }
        pipeline.assembly = RecordAssembly(format: format, namesContainers: names, multiline: multiline)
    }

    var texts: [String] { records.map(\.text) }

    func count(_ event: RecordPipeline.Event) -> UInt64 {
        pipeline.eventCounts.first { $0.event == event }?.count ?? 0
    }

    /// Reads the lines `piece` at a time, into batches of `limit` records.
    mutating func feed(_ lines: [SourceLine], piece: Int = .max, limit: Int = .max) {
        var rest = lines[...]
        while !rest.isEmpty {
            feedAtOnce(Array(rest.prefix(piece)), limit: limit)
            rest = rest.dropFirst(piece)
        }
    }

    private mutating func feedAtOnce(_ lines: [SourceLine], limit: Int) {
        var input = LogBatch()
        var last: (file: String, fields: Range<UInt32>)?
        for line in lines {
            if last?.file != line.file {
                let field = input.addField("file", Array(line.file.utf8))
                last = (line.file, field..<field + 1)
            }
            let bytes = Array(line.text.utf8)
            input.append(
                bytes, 0..<bytes.count, fields: last?.fields ?? 0..<0, at: Int64(line.next),
                next: Position(source: line.source, offset: line.next))
        }
        var next = 0
        // As the route does: what is ready goes before anything else.
        while next < lines.count || pipeline.deadline == Instant(nanoseconds: 0) {
            var batch = LogBatch(recordLimit: limit)
            pipeline.process(input, from: &next, into: &batch, at: now)
            if !batch.isFull { pipeline.flush(into: &batch, at: now) }
            #expect(batch.records.count <= limit)
            take(batch)
        }
    }

    /// Lets the time go by, and flushes what is due then.
    mutating func wait(_ duration: Duration) {
        now.monotonic = now.monotonic + duration
        while let due = pipeline.deadline, due <= now.monotonic {
            var batch = LogBatch(recordLimit: 3)
            pipeline.flush(into: &batch, at: now)
            take(batch)
        }
    }

    /// Until nothing is held any more.
    mutating func waitForAll() {
        while let due = pipeline.deadline { wait(max(.zero, due - now.monotonic)) }
    }

    private mutating func take(_ batch: LogBatch) {
        skipped += batch.skipped
        for record in batch.records {
            var fields: [(name: String, value: String)] = []
            for field in batch.fields[Int(record.fields.lowerBound)..<Int(record.fields.upperBound)] {
                fields.append(
                    (
                        String(decoding: batch.bytes[field.name.range], as: UTF8.self),
                        String(decoding: batch.bytes[field.value.range], as: UTF8.self)
                    ))
            }
            records.append(
                Assembled(
                    source: record.next.source, text: batch.text(of: record), next: record.next.offset,
                    unixNanoseconds: record.unixNanoseconds,
                    fields: fields.filter { $0.name != "file" }.map { "\($0.name)=\($0.value)" },
                    file: fields.first { $0.name == "file" }?.value ?? "", isCut: record.isCut))
        }
    }
}

/// Texts as they stand in log files, each the parts that should be its records.
enum Traces {
    static let python = [
        "INFO start",
        """
        Traceback (most recent call last):
          File "/app/a.py", line 2, in <module>
            f(
                1,
            \u{20}
                2)
          [Previous line repeated 996 more times]
        ValueError: bad
        """,
        "INFO one",
        """
        ERROR:root:Traceback (most recent call last):
          File "/app/a.py", line 1, in f
            int("x")
            ~~~^^^^^
        KeyError: 'x'

        During handling of the above exception, another exception occurred:

        Traceback (most recent call last):
          File "/app/a.py", line 3, in g
            raise Wrong()
        app.g.<locals>.Wrong

        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "/app/a.py", line 9, in <module>
        RuntimeError: first line
          and a second one
        """,
        """
          + Exception Group Traceback (most recent call last):
          |   File "/app/a.py", line 2, in <module>
          | ExceptionGroup: two (2 sub-exceptions)
          +-+---------------- 1 ----------------
            | ValueError: 1
            +---------------- 2 ----------------
            | ValueError: 2
            +------------------------------------
        """,
        "INFO: tasks",
        """
          + Exception Group Traceback (most recent call last):
          |   File "/app/a.py", line 2, in <module>
          | ExceptionGroup: unhandled errors in a TaskGroup (2 sub-exceptions)
          +-+---------------- 1 ----------------
            | Traceback (most recent call last):
            |   File "/app/a.py", line 9, in task
            | ValueError: 1
            |
            | During handling of the above exception, another exception occurred:
            |
            | Traceback (most recent call last):
            |   File "/app/a.py", line 11, in task
            | KeyError: 1
            +---------------- 2 ----------------
            | Exception Group Traceback (most recent call last):
            |   File "/app/a.py", line 9, in task
            | ExceptionGroup: inner (1 sub-exception)
            +-+---------------- 1 ----------------
              | Traceback (most recent call last):
              |   File "/app/a.py", line 9, in task
              | ValueError: 2
              +------------------------------------

        The above exception was the direct cause of the following exception:

        Traceback (most recent call last):
          File "/app/a.py", line 20, in <module>
        RuntimeError: tasks
        """,
        "INFO: two",
        "  indented, and of nothing",
        "INFO end",
    ]

    static let java = [
        "2026-01-02 INFO  c.e.App - start",
        """
        Exception in thread "main" java.lang.IllegalStateException: no
        \tat com.example.App.main(App.java:5)
        \tat java.base/java.lang.Thread.run(Thread.java:840) ~[?:?]
        \tSuppressed: java.io.IOException: closed
        \t\tat com.example.App.close(App.java:9)
        \t\t... 1 more
        Caused by: java.io.IOException: gone
        \tat com.example.App.read(App.java:7)
        \t... 12 more
        """,
        "2026-01-02 WARN  c.e.App - retry",
        """
        com.example.Timeout: no answer
            at com.example.App.read(App.java:7)
        Caused by: com.example.Closed
            ... 3 common frames omitted
        """,
        """
        2026-01-02 ERROR c.e.App - failed: org.example.FailedException: first line
        second line, of its message

        fourth line
        \tat com.example.App.read(App.java:7)
        Caused by: java.io.IOException: gone
        and for good
        \tat com.example.App.read(App.java:7)
        \tSuppressed: java.io.IOException: closed
        as it was
        \t\t... 1 more
        Caused by: java.net.ConnectException: Connection refused (Connection refused)
        \t... 12 more
        """,
        "2026-01-02 ERROR c.e.App - org.example.FailedException: no trace",
        "2026-01-02 INFO  c.e.App - one line",
        "2026-01-02 INFO  c.e.App - and another",
        """
        java.lang.IllegalStateException: no
        \tat com.example.App.main(App.java:5)
        """,
        "2026-01-02 ERROR c.e.App - java.lang.RuntimeException:",
        "java.lang.OutOfMemoryError",
        "2026-01-02 INFO  c.e.App - end",
    ]

    static let go = [
        "2026/01/02 15:04:05 start",
        """
        panic: runtime error: invalid memory address or nil pointer dereference
        \tpanic: again
        [signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x47e2a5]

        goroutine 1 [running]:
        main.(*Server).Run(0xc000010000, {0x4a1, 0x5})
        \t/app/main.go:8 +0x1d
        main.main()
        \t/app/main.go:12 +0x25

        goroutine 18 [chan receive, 2 minutes]:
        net/http.(*Server).Serve(...)
        \t/usr/lib/go/src/net/http/server.go:3086 +0x30c
        ...additional frames elided...
        created by main.main in goroutine 1
        \t/app/main.go:10 +0x1f
        exit status 2
        """,
        "2026/01/02 15:04:06 start",
        """
        2026/01/02 15:04:07 http: panic serving 127.0.0.1:55: boom
        goroutine 19 [running]:
        net/http.(*conn).serve.func1()
        \t/usr/lib/go/src/net/http/server.go:1868 +0xb9
        """,
        """
        fatal error: all goroutines are asleep - deadlock!

        goroutine 1 [select (no cases)]:
        main.main()
        \t/app/main.go:4 +0x5

        rax    0xca
        rip    0x46b341
        """,
        """
        SIGQUIT: quit
        PC=0x46d2e1 m=0 sigcode=0

        goroutine 0 gp=0x5a1b20 m=0 mp=0x5a2700 [idle]:
        runtime.futex(0x5a2840, 0x80, 0x0, 0x0, 0x0, 0x0)
        \t/usr/lib/go/src/runtime/sys_linux_amd64.s:557 +0x21 fp=0x7ffc sp=0x7ffc pc=0x46d2e1

        goroutine 1 gp=0xc000002380 m=nil [select (no cases), 3 minutes]:
        main.main()
        \t/app/main.go:4 +0x5

        goroutine 18 gp=0xc0000036c0 m=3 mp=0xc000100008 [running]:
        \tgoroutine running on other thread; stack unavailable
        created by main.main in goroutine 1
        \t/app/main.go:10 +0x1f

        rax    0xca
        rflags 0x246
        cs     0x33

        -----

        SIGQUIT: quit
        PC=0x46d2e1 m=2 sigcode=0

        goroutine 0 gp=0xc000006a80 m=2 mp=0xc00008a708 [idle]:
        runtime.futex()
        \t/usr/lib/go/src/runtime/sys_linux_amd64.s:557 +0x21

        rip    0x46d2e1
        """,
        """
        runtime: goroutine stack exceeds 1000000000-byte limit
        runtime: sp=0xc0200e1390 stack=[0xc0200e0000, 0xc0400e0000]
        fatal error: stack overflow

        runtime stack:
        runtime.throw({0x4921a4?, 0x513b20?})
        \t/usr/lib/go/src/runtime/panic.go:1023 +0x5c
        """,
        """
        unexpected fault address 0x7f00
        fatal error: fault
        [signal SIGBUS: bus error code=0x2 addr=0x7f00 pc=0x47e2a5]

        goroutine 1 [running]:
        main.main()
        \t/app/main.go:12 +0x25
        """,
        """
        runtime: failed to create new OS thread (have 5 already; errno=11)
        runtime: may need to increase max user processes (ulimit -u)
        fatal error: newosproc
        """,
        """
        runtime/cgo: pthread_create failed: Resource temporarily unavailable
        SIGABRT: abort
        PC=0x7f3a m=3 sigcode=18446744073709551610

        goroutine 0 gp=0xc000006a80 m=3 mp=0xc00008a708 [idle]:
        """,
        """
        SIGSEGV: segmentation violation
        PC=0x0 m=0 sigcode=1 addr=0x0
        signal arrived during cgo execution

        goroutine 1 gp=0xc000002380 m=0 mp=0x5a2700 [syscall]:
        runtime.cgocall(0x4571f0, 0xc00004e780)
        \t/usr/lib/go/src/runtime/cgocall.go:167 +0x4b
        """,
        """
        panic: first line
        second line

        fourth line [recovered]
        \tpanic: again

        goroutine 1 gp=0xc000002380 m=0 mp=0x5a2700 [running, locked to thread]:
        main.main()
        \t/app/main.go:8 +0x1d
        """,
        "runtime: a line of a program",
        "2026/01/02 15:04:08 end (all of it)",
    ]

    static let json = [
        "starting {",
        """
        {
          "a": { "b": [1, 2, { "c": "}" }] },
          "d": "a \\"quoted\\" { and \\\\",
        {
        }
          "e": "\\\\"
        }
        """,
        "{}",
        #"{"one": "line", "brace": "{"}"#,
        "plain",
        """
        [
          {"a": 1},
          {"a": 2}
        ]
        """,
        "}",
        "[2026] done",
    ]
}
