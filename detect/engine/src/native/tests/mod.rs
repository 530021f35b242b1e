mod geo_velocity;
mod law;
mod making;
mod mass_send;
mod rows;
