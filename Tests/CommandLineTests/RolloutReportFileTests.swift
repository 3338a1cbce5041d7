import Foundation
import Testing

/// What a rollout leaves in its report, however it ends; a shell script flies.
@Suite struct RolloutReportFileTests {
  private static let ready =
    #"{"event":"ready","policy":"mt5","policy_digest":"ab12","#
    + #""simulator":{"name":"metaworld","python":"3.11","python_path":[],"renderer":"egl","modules":"#
    + #"[{"name":"mujoco","version":"3.2.0","pinned":"3.3.0","path":"/p/mujoco.py"}]}}"#

  private static func episode(_ episode: Int, success: Bool) -> [String] {
    let place = #""id":\#(episode),"task":"a","seed":\#(7 + episode)"#
    return [
      #"{"event":"episode_start",\#(place),"instruction":"go","goal_protocol":"fresh","step_limit":500}"#,
      #"{"event":"episode_end",\#(place),"success":\#(success),"success_at_end":\#(success),"steps":8,"#
        + #""policy_steps":2,"limited_actions":0,"#
        + #""held_steps":0,"wall_s":1,"video":null}"#,
    ]
  }

  private static let whole = [ready] + episode(0, success: true) + episode(1, success: false)
  private static let half = [ready] + episode(0, success: true)
  private static let refused = #"{"event":"failed","code":"internal","subject":"daemon","message":"no answer"}"#
  private static let unfit =
    #"{"event":"episode_failed","id":1,"code":"rate_differs","subject":"control_rate","message":"10 and 20 Hz"}"#

  private func script(_ lines: [String], _ end: String = "") -> String {
    lines.map { "echo '\($0)'" }.joined(separator: "\n") + "\n" + end
  }

  private func arguments(_ script: String, in folder: URL) throws -> [String] {
    let python = try BuiltTool.script(script, in: folder)
    return ["rollout", "--env", "metaworld:a", "--episodes", "2", "--seed", "7", "--daemon", "ipc:///nowhere"]
      + ["--python", python]
  }

  private func summary(_ file: URL) throws -> [String: Any] {
    let report = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
    return try #require(report?["summary"] as? [String: Any])
  }

  @Test func `a whole run says so, and with what it was flown`() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "report.json")
      let outcome = try BuiltTool.run(arguments(script(Self.whole), in: folder) + ["--json", file.path])
      #expect(outcome.status == 0)
      #expect(
        outcome.errors
          == "uio2: the simulator runs mujoco 3.2.0; Envs/requirements.txt asks for 3.3.0, so results may differ\n")
      let summary = try summary(file)
      #expect(summary["complete"] as? Bool == true && summary["incomplete_reason"] is NSNull)
      #expect(summary["planned"] as? Int == 2 && summary["flown"] as? Int == 2)
      let run = try #require(summary["run"] as? [String: Any])
      #expect(run["step_limit"] as? Int == 500 && run["seed"] as? Int == 7 && run["clock"] as? String == "simulated")
      #expect(run["daemon"] as? String == "ipc:///nowhere" && run["weights"] is NSNull)
      #expect((run["command"] as? [String])?.contains("rollout") == true)
    }
  }

  @Test func `a run that never flew leaves the last good report`() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "report.json")
      try Data("good".utf8).write(to: file)
      for failing in ["exit 5", script([Self.ready, Self.refused], "exit 4")] {
        let outcome = try BuiltTool.run(arguments(failing, in: folder) + ["--json", file.path])
        #expect(outcome.status == 69)
        #expect(outcome.errors.contains("no episode was flown; \(file.path) stays as it was"))
        #expect(try String(contentsOf: file, encoding: .utf8) == "good")
      }
      let new = folder.appending(path: "new.json")
      #expect(try BuiltTool.run(arguments("exit 5", in: folder) + ["--json", new.path]).status == 69)
      #expect(!FileManager.default.fileExists(atPath: new.path))
    }
  }

  @Test func `a run that is cut short says so and why`() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "report.json")
      let outcome = try BuiltTool.run(
        arguments(script(Self.half + [Self.unfit], "exit 3"), in: folder) + ["--json", file.path])
      #expect(outcome.status == 65)
      let summary = try summary(file)
      #expect(summary["complete"] as? Bool == false && summary["flown"] as? Int == 1)
      let reason = try #require(summary["incomplete_reason"] as? String)
      #expect(reason.contains("capabilities_disagree"))
      #expect(outcome.output.contains("incomplete    1 of 2 episodes: "))
    }
  }

  @Test func `a run that is killed leaves what it has flown`() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "report.json")
      let tool = try LiveTool(
        arguments(script(Self.half, "while read line; do :; done"), in: folder) + ["--json", file.path], in: folder)
      #expect(waitUntil { FileManager.default.fileExists(atPath: file.path) })
      tool.send(SIGKILL)
      _ = tool.status()
      let summary = try summary(file)
      #expect(summary["complete"] as? Bool == false && summary["flown"] as? Int == 1)
      #expect(summary["incomplete_reason"] as? String == "the run has not ended, or was killed")
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      #expect(Set(names) == ["python", "stdout", "stderr", "report.json"], "nothing half written lies about")
    }
  }

  @Test func `a report that cannot be written is refused before the simulator starts`() throws {
    try BuiltTool.withFolder { folder in
      let started = folder.appending(path: "started").path
      let arguments = try arguments("touch '\(started)'\n" + script(Self.whole), in: folder)
      for option in ["--json", "--video"] {
        let path = option == "--json" ? folder.path : folder.appending(path: "python").path
        let outcome = try BuiltTool.run(arguments + [option, path])
        #expect(outcome.status == 74, "\(outcome.errors)")
        #expect(!FileManager.default.fileExists(atPath: started))
      }
    }
  }

  @Test func `without a reader a run goes on for its report, and ends where there is none`() throws {
    try BuiltTool.withFolder { folder in
      let file = folder.appending(path: "report.json"), ended = folder.appending(path: "ended").path
      for hasReport in [true, false] {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        // Without a report the robot is told to end before the second episode: it waits for that.
        let wait = "trap 'touch \"\(ended)\"; exit 130' TERM\n"
        let flight =
          hasReport
          ? script(Self.whole) : script(Self.half, "i=0; while [ $i -lt 400 ]; do sleep 0.05; i=$((i+1)); done")
        let arguments = try arguments(wait + flight, in: folder) + (hasReport ? ["--json", file.path] : [])
        let tool = try LiveTool(arguments, in: folder, standardOutput: pipe.fileHandleForWriting)
        #expect(tool.status() == 0)
        #expect(!tool.said.contains("standard output"))
        if hasReport { #expect(try summary(file)["complete"] as? Bool == true) }
      }
      #expect(FileManager.default.fileExists(atPath: ended))
    }
  }

  @Test func `a full disk is told once all episodes are flown`() throws {
    try BuiltTool.withFolder { folder in
      let outcome = try BuiltTool.run(arguments(script(Self.whole), in: folder) + ["--json", "/dev/full"])
      #expect(outcome.status == 74)
      #expect(outcome.output.contains("1 of 2"))
      #expect(outcome.errors.contains("/dev/full: cannot be written: No space left on device"), "\(outcome.errors)")
    }
  }

  @Test func `a simulator that is stopped is ended`() throws {
    try BuiltTool.withFolder { folder in
      let outcome = try BuiltTool.run(
        arguments(script(Self.half, "kill -STOP $$\nsleep 100"), in: folder) + ["--watchdog", "0.5"])
      #expect(outcome.status == 69)
      #expect(
        outcome.errors.contains(
          "unresponsive: robot: reported nothing for 0.5 seconds: it has been stopped by a signal"))
    }
  }

  @Test func `an unknown task is wrong usage`() throws {
    let event = #"{"event":"failed","code":"unknown_task","subject":"fly","message":"there is no such task"}"#
    try BuiltTool.withFolder { folder in
      let outcome = try BuiltTool.run(arguments(script([event], "exit 5"), in: folder))
      #expect(outcome.status == 64)
      #expect(outcome.errors == "uio2: invalid_plan: fly: there is no such task (unknown_task)\n")
    }
  }
}
