{
  # CMakeLists.txt is the one description of the build; this only lets prebuildify, which speaks node-gyp, call it.
  'targets': [
    {
      'target_name': 'evenkeel',
      'type': 'none',
      'actions': [
        {
          'action_name': 'cmake-js',
          'inputs': ['CMakeLists.txt'],
          'outputs': ['<(PRODUCT_DIR)/evenkeel.node'],
          'action': ['node', 'scripts/gyp-addon.mjs', '<@(_outputs)']
        }
      ]
    }
  ]
}
