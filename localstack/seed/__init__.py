def plant_organization(kind, endpoint, path, log):
    path.write_text("{}")
