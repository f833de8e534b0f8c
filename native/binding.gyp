# The two addons. Built by scripts/build-native.js; node-gyp finds what it needs of Node in node-api/, without a network.
{
  'target_defaults': {
    'include_dirs': ['.', '<(node_api_headers)'],
    'defines': ['NAPI_VERSION=8', '_FORTIFY_SOURCE=2'],
    'cflags': [
      '-O3', '-fPIC', '-pthread', '-fvisibility=hidden', '-ffunction-sections', '-fdata-sections',
      '-fstack-protector-strong', '-Wall', '-Wextra',
    ],
    'cflags_cc': ['-std=c++20', '-fvisibility-inlines-hidden'],
    'ldflags': ['-pthread', '-Wl,--gc-sections', '-Wl,-z,relro,-z,now,-z,noexecstack'],
    'conditions': [
      ['OS=="linux" and target_arch=="x64"', {'cflags': ['-fcf-protection', '-fstack-clash-protection']}],
      ['warnings_are_errors=="true"', {'cflags': ['-Werror']}],
    ],
    'xcode_settings': {
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
      'GCC_ENABLE_CPP_EXCEPTIONS': 'YES',
      'GCC_OPTIMIZATION_LEVEL': '3',
      'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      'MACOSX_DEPLOYMENT_TARGET': '12.0',
    },
  },
  'targets': [
    {
      # Everything that holds no secret key. A library, so that each addon gets only what it uses.
      'target_name': 'he_core',
      'type': 'static_library',
      'sources': [
        '<!@(node sources.js files portable core format random engine)',
        '<!@(node sources.js files neon core)',
      ],
      'conditions': [['target_arch=="x64"', {'dependencies': ['he_avx2', 'he_avx512', 'he_ifma']}]],
    },
    {
      'target_name': 'he_engine',
      'sources': ['<!@(node sources.js files portable addon/common addon/engine)'],
      'dependencies': ['he_core'],
    },
    {
      'target_name': 'he_secret',
      'sources': ['<!@(node sources.js files portable addon/common addon/secret secret)'],
      'dependencies': ['he_core'],
    },
  ],
  'conditions': [
    # One library for each vector path: only its files may use its instructions, after a look at the processor.
    ['target_arch=="x64"', {
      'targets': [
        {
          'target_name': 'he_avx2',
          'type': 'static_library',
          'sources': ['<!@(node sources.js files avx2 core)'],
          'cflags': ['<!@(node sources.js flags avx2)'],
          'xcode_settings': {'OTHER_CFLAGS': ['<!@(node sources.js flags avx2)']},
        },
        {
          'target_name': 'he_avx512',
          'type': 'static_library',
          'sources': ['<!@(node sources.js files avx512 core)'],
          'cflags': ['<!@(node sources.js flags avx512)'],
          'xcode_settings': {'OTHER_CFLAGS': ['<!@(node sources.js flags avx512)']},
        },
        {
          'target_name': 'he_ifma',
          'type': 'static_library',
          'sources': ['<!@(node sources.js files ifma core)'],
          'cflags': ['<!@(node sources.js flags ifma)'],
          'xcode_settings': {'OTHER_CFLAGS': ['<!@(node sources.js flags ifma)']},
        },
      ],
    }],
  ],
}
