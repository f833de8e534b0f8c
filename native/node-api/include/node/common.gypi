# Stands for the file of this name that Node's own headers come with: addons that use nothing but Node-API need none of it.
{
  'target_defaults': {
    'default_configuration': 'Release',
    'configurations': {'Release': {}},
  },
}
