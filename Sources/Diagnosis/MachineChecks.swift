import Foundation
import ZeroMQTransport

/// What the machine's facts mean for a robot.
public enum MachineChecks {
  /// The priority that `--realtime` asks for.
  static let wantedPriority: UInt64 = 10
  /// Where recordings end.
  static let leastSpace: UInt64 = 256 << 20

  /// The lines about the machine.
  ///
  /// - Parameter weightBytes: of the policy's files, all of which are in memory; `nil`: no policy.
  public static func findings(_ facts: MachineFacts, weightBytes: UInt64? = nil) -> [Finding] {
    [
      kernels(facts), processors(facts), scheduling(facts), memoryLock(facts, weightBytes), frequency(facts),
      clock(facts),
      wakeUps(facts), memory(facts, weightBytes), descriptors(facts),
    ].compactMap(\.self) + disks(facts)
  }

  // MARK: Computing

  private static func kernels(_ facts: MachineFacts) -> Finding {
    var text = facts.kernels
    if let best = facts.ceilings {
      text += String(
        format: ", %d threads: %.0f GFLOP/s, %.0f GOP/s in 8 bits, %.1f GB/s read", facts.threads, best.f32, best.int8,
        best.read)
    } else {
      text += "; ceilings not measured: less than 2 GiB of memory are free"
    }
    if facts.kernels == "portable" {
      return .warn(
        "kernels", text,
        "they use no vector instructions and are many times slower; take a processor with AVX2 or better")
    }
    if let chosen = facts.chosenKernels {
      return .warn("kernels", text, "UIO2_KERNELS asks for \(chosen); without it the processor's best are used")
    }
    return .ok("kernels", text)
  }

  private static func processors(_ facts: MachineFacts) -> Finding {
    let text = "\(facts.processors) for \(facts.threads) threads"
    if facts.threads > facts.processors {
      return .warn("processors", text, "threads wait for each other; leave --threads out")
    }
    guard let load = facts.load else { return .ok("processors", text) }
    let whole = text + String(format: ", load %.1f", load)
    guard load > 0.75 * Double(facts.processors) else { return .ok("processors", whole) }
    return .warn("processors", whole, "other programs compute here, too; end them, or give the daemon --realtime")
  }

  // MARK: Time

  private static func scheduling(_ facts: MachineFacts) -> Finding? {
    guard facts.mayScheduleAnything != nil || facts.realtimePriority != nil else {
      return .warn("real time", "the system does not say who may have it", "serve --realtime says whether it got it")
    }
    if facts.mayScheduleAnything == true { return .ok("real time", "permitted (CAP_SYS_NICE)") }
    if facts.realtimePriority?.allows(wantedPriority) == true { return .ok("real time", "permitted (rtprio limit)") }
    return .warn(
      "real time", "not permitted: serve --realtime will only ask in vain",
      "as root: echo '@robot - rtprio 20' >> /etc/security/limits.d/uio2.conf, or AmbientCapabilities=CAP_SYS_NICE in docs/uio2.service"
    )
  }

  private static func memoryLock(_ facts: MachineFacts, _ weightBytes: UInt64?) -> Finding? {
    guard facts.mayLockAnything != nil || facts.lockedMemory != nil else { return nil }
    if facts.mayLockAnything == true { return .ok("memory lock", "permitted (CAP_IPC_LOCK)") }
    let needed = (weightBytes ?? 0) + 1 << 30
    if facts.lockedMemory?.allows(needed) == true { return .ok("memory lock", "permitted (memlock limit)") }
    return .warn(
      "memory lock", "not permitted for \(size(needed)): pages may have to be read from disk while a robot waits",
      "as root: echo '@robot - memlock unlimited' >> /etc/security/limits.d/uio2.conf, or LimitMEMLOCK=infinity in the unit"
    )
  }

  private static func frequency(_ facts: MachineFacts) -> Finding? {
    guard let governor = facts.governor else { return nil }
    if governor == "performance" { return .ok("frequency", governor) }
    return .warn(
      "frequency", "“\(governor)”: the processor is slow when a picture comes after a pause",
      "as root: cpupower frequency-set -g performance")
  }

  private static func clock(_ facts: MachineFacts) -> Finding {
    // Files are dated by it, nothing else is: the daemon and its robots count on monotonic clocks.
    if let date = facts.date, date < 1_704_067_200 {
      return .warn("clock", "the system's date lies before 2024", "set it: recordings and logs carry it")
    }
    guard let cost = facts.clockCost else { return .ok("clock", "monotonic") }
    let text = "monotonic, by \(facts.clockSource ?? "the system"), " + String(format: "%.0f ns to read", cost)
    guard cost > 1_000 else { return .ok("clock", text) }
    return .warn(
      "clock", text, "the kernel counts time by a slow device; boot with clocksource=tsc where the machine has it")
  }

  private static func wakeUps(_ facts: MachineFacts) -> Finding? {
    guard let delay = facts.wakeUpDelay else { return nil }
    let text = String(format: "1 ms of sleep ends %.2f ms late (99th percentile)", delay)
    guard delay > 5 else { return .ok("wake-ups", text) }
    return .warn(
      "wake-ups", text, "commands come as much later now and then; serve --realtime, and fewer other programs")
  }

  // MARK: Room

  static func memory(_ facts: MachineFacts, _ weightBytes: UInt64?) -> Finding {
    guard let free = facts.availableMemory else {
      return .warn("memory", "the system does not say how much is free", "watch it while the daemon runs")
    }
    let room: UInt64 = 1 << 30, weights = weightBytes ?? 0
    let text = "\(size(free)) free" + (weights > 0 ? ", the policy's weights are \(size(weights))" : "")
    if free < weights + leastSpace {
      return .fail("memory", text, "end other programs, take --weights int8, or a machine with more memory")
    }
    if free < weights + room {
      return .warn(
        "memory", text, "little room for messages beside the weights; end other programs, or set --memory-ceiling")
    }
    return .ok("memory", text)
  }

  private static func descriptors(_ facts: MachineFacts) -> Finding? {
    guard let limit = facts.descriptors else { return nil }
    let wanted = DescriptorLimit.wanted
    if limit.allows(wanted) { return .ok("descriptors", "\(wanted) and more") }
    guard case .of(let count) = limit else { return nil }
    let advice = "raise the hard limit (LimitNOFILE=\(wanted) in the unit): each connection needs one"
    if count < 256 { return .fail("descriptors", "\(count)", advice) }
    return count < 4_096
      ? .warn("descriptors", "\(count)", advice) : .ok("descriptors", "\(count), as many connections less a few")
  }

  private static func disks(_ facts: MachineFacts) -> [Finding] {
    facts.freeSpace.map { disk in
      guard let free = disk.free else {
        return .fail("disk", "\(disk.folder) is not there", "make the folder, or set TMPDIR")
      }
      let text = "\(size(free)) left at \(disk.folder)"
      if free < leastSpace {
        return .fail("disk", text, "make room: recordings end below \(size(leastSpace)), and results cannot be written")
      }
      return free < 4 << 30
        ? .warn(
          "disk", text,
          "make room before a long recording: a camera of 640x480 in JPEG at 20 Hz takes about 3 GiB an hour")
        : .ok("disk", text)
    }
  }

  static func size(_ bytes: UInt64) -> String {
    bytes >= 1 << 30
      ? String(format: "%.1f GiB", Double(bytes) / Double(1 << 30)) : "\(bytes >> 20) MiB"
  }
}
