import RobotPolicy

/// Texts of `policy.json` to start from.
enum ExamplePolicy {
  static let delta = """
    {
      "$schema": "../policy.schema.json",
      "format_version": 1,
      "name": "example",
      "description": "Moves in small steps.",
      "model": ".",
      "tokenizer": "tokenizer.model",
      "prompt": {"template": "{instruction} State: {state}"}, "instructions": "free",
      "cameras": [
        {"name": "front", "input": "image", "width": 4, "height": 2, "vertical_field_of_view_degrees": 30},
        {"name": "top", "input": "image_history", "width": 2, "height": 2}
      ],
      "proprioception": [
        {"name": "end_effector_x", "unit": "m", "minimum": -0.5, "maximum": 0.5, "tolerance": 0.1},
        {"name": "end_effector_y", "unit": "m", "minimum": 0.3, "maximum": 1.0},
        {"name": "end_effector_z", "unit": "m", "minimum": 0, "maximum": 0.5},
        {"name": "gripper_opening", "unit": "1", "minimum": 0, "maximum": 1}
      ],
      "action_space": {
        "type": "continuous", "chunk_length": 4, "frame": "base", "mode": "delta",
        "dimensions": [
          {"name": "delta_x", "unit": "m", "minimum": -0.01, "maximum": 0.01, "role": "translation_x"},
          {"name": "delta_y", "unit": "m", "minimum": -0.01, "maximum": 0.01, "role": "translation_y"},
          {"name": "delta_z", "unit": "m", "minimum": -0.01, "maximum": 0.01, "role": "translation_z"},
          {"name": "gripper", "unit": "1", "minimum": -1, "maximum": 1, "role": "gripper"}
        ]
      },
      "control": {
        "rate_hz": 80, "hold": "zero", "deadline_ms": 200,
        "maximum_observation_age_ms": 500,
        "frozen_camera_ms": 1000
      },
      "limits": {
        "workspace": {"x": [-0.6, 0.6], "y": [0.3, 1.1], "z": [0.0, 0.6]},
        "maximum_speed_m_per_s": 2.0,
        "maximum_jump_m": 0.2
      }
    }
    """

  static let absolute = """
    {
      "format_version": 1, "name": "absolute", "model": "model", "tokenizer": "tokenizer.model",
      "prompt": {"template": "{instruction}"}, "instructions": "free",
      "cameras": [{"name": "front", "input": "image", "width": 4, "height": 2}],
      "proprioception": [
        {"name": "end_effector_x", "unit": "m", "minimum": -1, "maximum": 1},
        {"name": "end_effector_y", "unit": "m", "minimum": -1, "maximum": 1},
        {"name": "end_effector_z", "unit": "m", "minimum": -1, "maximum": 1},
        {"name": "end_effector_rotation_z", "unit": "rad", "minimum": -3.1415, "maximum": 3.1415}
      ],
      "action_space": {
        "type": "continuous", "chunk_length": 8, "frame": "base", "mode": "absolute",
        "dimensions": [
          {"name": "x", "unit": "m", "minimum": -0.5, "maximum": 0.5, "role": "translation_x"},
          {"name": "y", "unit": "m", "minimum": -0.5, "maximum": 0.5, "role": "translation_y"},
          {"name": "z", "unit": "m", "minimum": 0, "maximum": 0.5, "role": "translation_z"},
          {"name": "yaw", "unit": "rad", "minimum": -3.1416, "maximum": 3.1416, "role": "rotation_z"}
        ]
      },
      "control": {"rate_hz": 10, "hold": "repeat", "deadline_ms": 200, "frozen_camera_ms": 1000},
      "limits": {
        "workspace": {"x": [-0.4, 0.6], "y": [-0.4, 0.4], "z": [0.02, 0.4]},
        "maximum_speed_m_per_s": 0.5, "maximum_rotation_rate_rad_per_s": 1.0, "maximum_jump_m": 0.2
      }
    }
    """

  static let pickAndPlace = """
    {
      "format_version": 1, "name": "table", "model": ".", "tokenizer": "tokenizer.model",
      "prompt": {"template": "{instruction}"}, "instructions": "free",
      "cameras": [{"name": "top", "input": "image", "width": 4, "height": 2}],
      "proprioception": [],
      "action_space": {"type": "pick_and_place", "maximum_steps": 3, "x": [0.25, 0.75], "y": [-0.5, 0.5]},
      "control": {"rate_hz": 1, "hold": "zero", "deadline_ms": 30000},
      "limits": {"workspace": {"x": [0.3, 0.7], "y": [-0.6, 0.6], "z": [0, 0.4]}}
    }
    """

  /// Two joints and a gripper, told where to go.
  static let joints = """
    {
      "format_version": 1, "name": "joints", "model": ".", "tokenizer": "tokenizer.model",
      "prompt": {"template": "{instruction} State: {state}"}, "instructions": "free",
      "cameras": [{"name": "front", "input": "image", "width": 4, "height": 2}],
      "proprioception": [
        {"name": "shoulder", "unit": "rad", "minimum": -3, "maximum": 3},
        {"name": "elbow_angle", "unit": "rad", "minimum": -3, "maximum": 3},
        {"name": "width", "unit": "m", "minimum": 0, "maximum": 0.08}
      ],
      "action_space": {
        "type": "continuous", "chunk_length": 4, "frame": "base", "mode": "absolute",
        "dimensions": [
          {"name": "shoulder", "unit": "rad", "minimum": -3, "maximum": 3, "role": "other",
           "limits": {"position": [-2, 2.5], "maximum_rate_per_s": 1, "maximum_jump": 0.25}},
          {"name": "elbow", "unit": "rad", "minimum": -3, "maximum": 3, "role": "other", "measured_by": "elbow_angle",
           "limits": {"maximum_rate_per_s": 2}},
          {"name": "fingers", "unit": "m", "minimum": 0, "maximum": 0.08, "role": "gripper", "measured_by": "width",
           "limits": {"position": [0.01, 0.07], "maximum_rate_per_s": 0.1}}
        ]
      },
      "control": {"rate_hz": 10, "hold": "repeat", "deadline_ms": 200}
    }
    """

  /// The same joints, told how far to go.
  static let jointSteps =
    joints
    .replacing("\"mode\": \"absolute\"", with: "\"mode\": \"delta\"")
    .replacing("\"hold\": \"repeat\"", with: "\"hold\": \"zero\"")

  /// The specification of a text in which some part was replaced.
  static func specification(
    _ text: String = delta, replacing old: String = "", with new: String = ""
  ) throws(PolicyError) -> PolicySpecification {
    try PolicySpecification(json: Array((old.isEmpty ? text : text.replacing(old, with: new)).utf8))
  }
}
